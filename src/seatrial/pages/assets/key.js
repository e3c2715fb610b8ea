// Sends requests with the key of who uses this page, and asks for one where the server answers only callers with a key.
// The key stays in this tab: it is in no cookie and in no URL, other tabs do not have it, and it goes with the tab.

import { find, NBSP } from "./shared.js";

const NAME = `seatrial key of ${location.pathname}`; // one origin may have several models
const LONGEST_WAIT = 60; // seconds after which a request that was one too many is sent again by itself

let key = stored();

function stored() {
  try {
    return sessionStorage.getItem(NAME) ?? "";
  } catch {
    return ""; // the browser keeps nothing
  }
}

function keep(text) {
  key = text;
  try {
    if (text) sessionStorage.setItem(NAME, text);
    else sessionStorage.removeItem(NAME);
  } catch {
    // then it is gone when the page is loaded again
  }
  find("key-kept").hidden = text === "";
}

/** Whether this tab has a key. */
export const hasKey = () => key !== "";

/** Send a document to the API, with the key. */
export function post(path, document, signal) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  return fetch(path, { method: "POST", headers, body: JSON.stringify(document), signal });
}

/** Explain a refusal, and ask for a key where another one helps; null where the response is none. */
export function refusal(response, answer) {
  const { status } = response;
  if (status === 429) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    return { message: `Too many requests with this key. Try again in ${seconds}${NBSP}s.`, seconds: seconds <= LONGEST_WAIT ? seconds : 0 };
  }
  if (status !== 401 && status !== 403) return null;
  find("key-form").hidden = false;
  if (status === 403) return { message: `${answer?.detail ?? "The key does not allow this."} This page predicts and explains.` };
  return { message: hasKey() ? "The server does not accept this key: it is unknown, revoked or expired." : "This server answers only callers with a key." };
}

/** Begin: `again` is called when there is another key. */
export function prepareKey(again) {
  const form = find("key-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = find("key").value.trim();
    if (!text) return;
    find("key").value = "";
    form.hidden = true;
    keep(text);
    again();
  });
  find("forget").addEventListener("click", () => {
    keep("");
    again();
  });
  keep(key);
}
