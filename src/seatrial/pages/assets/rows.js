// Predicts many rows through the API, and finds the rows that it refuses.

import { post as postDocument } from "./key.js";

const AGAIN_AFTER = 1000; // milliseconds, while the server is busy
const MOST_TRIES = 10;
const LONGEST_WAIT = 60; // seconds, for a key whose rate is used up

/** What ended a prediction of many rows, in words for a person. */
export class NotPredicted extends Error {}

const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

/** Wait until a request counts again; false if that takes too long. */
async function allowance(response, signal) {
  const seconds = Number(response.headers.get("Retry-After")) || 1;
  if (seconds > LONGEST_WAIT) return false;
  await pause(seconds * 1000);
  signal?.throwIfAborted();
  return true;
}

/** Post rows; a busy server is asked again. Returns {status, answer}. Throws NotPredicted. */
async function post(rows, signal) {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    let response;
    try {
      response = await postDocument("api/v1/predict", rows, signal);
      if (response.status === 429 && (await allowance(response, signal))) continue;
      if (response.status !== 503) return { status: response.status, answer: await response.json() };
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new NotPredicted(response ? "The server’s answer could not be read." : "The server cannot be reached.");
    }
    await pause(AGAIN_AFTER);
  }
  throw new NotPredicted("The server is too busy or not ready. Try again later.");
}

/**
 * Predict rows. Returns one item per row: {prediction, probabilities, warnings}, or {problems: [{column, rule}]} for a
 * refused one. The server reports the first errors only, so what remains is sent again.
 */
export async function predictRows(rows, signal) {
  const items = new Array(rows.length);
  const waiting = [rows.map((_, number) => number)];
  while (waiting.length) {
    const part = waiting.pop();
    const { status, answer } = await post(part.map((number) => rows[number]), signal);
    if (status === 200) {
      take(items, part, answer);
      continue;
    }
    if (status === 401 || status === 403 || status === 429) throw new NotPredicted(String(answer.detail));
    if (status !== 422 && status !== 413) throw new NotPredicted(unexpected(status, answer));
    for (const { loc, msg } of status === 422 ? answer.detail : []) {
      if (typeof loc[1] !== "number") continue;
      const item = (items[part[loc[1]]] ??= { problems: [] });
      item.problems.push({ column: String(loc[2] ?? ""), rule: msg });
    }
    const rest = part.filter((number) => !items[number]);
    if (rest.length === 0) continue;
    if (rest.length < part.length) waiting.push(rest);
    else if (part.length === 1) items[part[0]] = { problems: [{ column: "", rule: reason(answer) }] };
    else waiting.push(part.slice(part.length >> 1), part.slice(0, part.length >> 1));
  }
  return items;
}

function take(items, part, { predictions, probabilities, warnings }) {
  part.forEach((number, place) => {
    items[number] = { prediction: predictions[place], probabilities: probabilities?.[place] ?? {}, warnings: [] };
  });
  for (const { row, column, msg } of warnings ?? []) items[part[row]].warnings.push({ column, rule: msg });
}

const reason = ({ detail }) => (Array.isArray(detail) ? detail.map(({ msg }) => msg).join("; ") : String(detail));

function unexpected(status, answer) {
  const id = answer?.request_id ? ` Request ID: ${answer.request_id}.` : "";
  return `The server could not predict these rows (status ${status}). Its log has the cause.${id}`;
}
