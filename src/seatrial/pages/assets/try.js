// The page for people: reads the form, asks the API as one types, shows the answer and what made it.
// All text goes in as text, never as HTML. A state can be shared by its address: the part behind # is never sent.

const find = (id) => document.getElementById(id);
const form = find("row");
const model = JSON.parse(form.dataset.model);
const fields = model.columns.map((column) => ({
  ...column,
  box: find(`${column.id}-field`),
  control: find(column.id),
  error: find(`${column.id}-error`),
  inputs: [...find(`${column.id}-field`).querySelectorAll("input, select, textarea")],
}));
const byName = new Map(fields.map((field) => [field.name, field]));
const classes = new Map(model.classes.map((each) => [String(each.value), each]));

const ASK_AFTER = 60; // milliseconds after the last key
const COMPLAIN_AFTER = 400; // nobody wants to be told of an error in the middle of a number
const DIM_AFTER = 300; // an answer that takes longer is not passed off as that of the row on show
const SAY_AFTER = 700; // a screen reader hears where it came to rest, not every step
const RETRY_AFTER = 3000;
const SHARES_SHOWN = 8;
const CLASSES_SHOWN = 6;

/** Make an element; children are text or elements. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

const strong = (text) => make("strong", "", text);

/** Make a function that runs `act` once things have been quiet for a while; `.stop()` forgets it. */
function whenQuiet(milliseconds, act) {
  let timer;
  const wait = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(act, milliseconds, ...given);
  };
  wait.stop = () => clearTimeout(timer);
  return wait;
}

// ---- The form -------------------------------------------------------------------------------------------------------

class Unreadable extends Error {}

/** What a control holds, as the API takes it; undefined leaves the column out. Throws Unreadable. */
function read(field) {
  const { control, inputs } = field;
  if (field.kind === "segments") {
    const checked = inputs.find((input) => input.checked);
    return checked ? JSON.parse(checked.value) : nothing(field);
  }
  if (field.kind === "select") return control.value ? JSON.parse(control.value) : nothing(field);
  if (control.validity.badInput) throw new Unreadable("This is not complete yet, or not valid here.");
  const text = control.value;
  if (text === "") return nothing(field);
  if (field.kind === "number") return Number(text);
  if (field.kind === "json") {
    try {
      return JSON.parse(text);
    } catch {
      throw new Unreadable("This is not JSON.");
    }
  }
  return text;
}

function nothing(field) {
  if (field.nullable) return null;
  if (field.required) throw new Unreadable("");
  return undefined;
}

/** Put a value into a control; null and undefined empty it. */
function write(field, value) {
  const { control, inputs } = field;
  const same = (text) => text !== "" && value !== undefined && text === JSON.stringify(value);
  if (field.kind === "segments") for (const input of inputs) input.checked = same(canonical(input.value));
  else if (field.kind === "select")
    control.value = [...control.options].find((option) => same(canonical(option.value)))?.value ?? "";
  else if (value === null || value === undefined) control.value = "";
  else if (field.kind === "json") control.value = JSON.stringify(value);
  else control.value = typeof value === (field.kind === "number" ? "number" : "string") ? String(value) : "";
}

/** A choice's JSON as this language writes it: 1.0 is 1. */
const canonical = (text) => (text === "" ? "" : JSON.stringify(JSON.parse(text)));

/** Read the whole form: {row, problems, missing}. */
function readForm() {
  const row = {};
  const problems = new Map();
  const missing = [];
  for (const field of fields) {
    try {
      const value = read(field);
      if (value !== undefined) row[field.name] = value;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      if (error.message) problems.set(field, error.message);
      else missing.push(field);
    }
  }
  return { row, problems, missing };
}

function writeForm(row) {
  for (const field of fields) write(field, row[field.name]);
}

const STARTS = {
  example: () => model.example,
  typical: () => model.typical,
  empty: () => Object.fromEntries(fields.filter((f) => !f.required).map((f) => [f.name, f.default])),
};

/** Show errors at their fields; those without a field below the form. */
function showProblems(problems, others = []) {
  for (const field of fields) {
    const message = problems.get(field) ?? "";
    field.error.textContent = message;
    field.box.classList.toggle("wrong", message !== "");
    if (message) field.control.setAttribute("aria-invalid", "true");
    else field.control.removeAttribute("aria-invalid");
  }
  find("form-error").textContent = others.join(" ");
  const told = [...problems].map(([field, message]) => `${field.title}: ${message}`).concat(others);
  if (!told.length) return;
  say(told.join(" "));
  setState("stale", `To be corrected: ${[...problems.keys()].map((field) => field.title).join(", ") || "the row"}.`);
}

/** Sort a 422's errors by field; Pydantic's words are kept, but speak of the field as "it". */
function readDetail(detail) {
  const problems = new Map();
  const others = [];
  for (const { loc, msg } of Array.isArray(detail) ? detail : [{ loc: [], msg: String(detail) }]) {
    const message = `${msg.replace(/^(Input|Value|String) should/, "It should")}.`;
    const field = byName.get(loc[1]);
    if (field) problems.set(field, message);
    else others.push(message);
  }
  return { problems, others };
}

// ---- Asking ---------------------------------------------------------------------------------------------------------

let asking; // the AbortController of the question under way; an answer to any other question is dropped
let lastRow = model.example;

const complain = whenQuiet(COMPLAIN_AFTER, showProblems);
const say = whenQuiet(SAY_AFTER, (text) => {
  if (find("status").textContent !== text) find("status").textContent = text;
});
const retry = whenQuiet(RETRY_AFTER, () => ask());
const dim = whenQuiet(DIM_AFTER, () => {
  if (find("result").dataset.state === "fresh") setState("stale");
});
const askSoon = whenQuiet(ASK_AFTER, () => ask());
const keepSoon = whenQuiet(COMPLAIN_AFTER, keepInAddress);

async function ask() {
  askSoon.stop();
  complain.stop();
  retry.stop();
  dim.stop();
  asking?.abort();
  asking = undefined;
  const { row, problems, missing } = readForm();
  if (problems.size || missing.length) {
    setState("stale", missing.length ? `Still to fill in: ${missing.map((field) => field.title).join(", ")}.` : "");
    complain(problems);
    return;
  }
  lastRow = row;
  showCall();
  keepSoon();
  dim();
  const mine = (asking = new AbortController());
  let status;
  let answer;
  try {
    const response = await fetch("api/v1/explain", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(row),
      signal: mine.signal,
    });
    status = response.status;
    answer = await response.json();
  } catch {
    status = 0;
  }
  if (mine !== asking) return;
  dim.stop();
  if (status === 200) {
    complain.stop();
    showProblems(new Map());
    setState("fresh");
    show(answer);
  } else if (status === 422 || status === 413) {
    const { problems, others } = readDetail(answer.detail);
    complain(problems, others);
    setState("stale");
  } else {
    const [told, again] = TROUBLES[status] ?? TROUBLES.other;
    setState("stale", told + (answer?.request_id ? ` (Request ${answer.request_id}.)` : ""), true);
    say(told);
    if (again) retry();
  }
}

const TROUBLES = {
  0: ["The server cannot be reached. This page tries again by itself.", true],
  503: ["The server is not ready yet. This page tries again by itself.", true],
  other: ["The server could not answer this one; its log says why.", false],
};

/** fresh, or stale: the last answer stays, dimmed, with a word on what is the matter. */
function setState(state, message = "", canRetry = false) {
  if (find("result").dataset.state !== "waiting" || state === "fresh") find("result").dataset.state = state;
  find("glance").dataset.state = state;
  find("trouble").hidden = message === "";
  find("trouble").classList.toggle("soft", !canRetry);
  find("trouble").firstElementChild.textContent = message;
  find("retry").hidden = !canRetry;
}

// ---- Numbers and words ----------------------------------------------------------------------------------------------

const UNKNOWN = "unknown";
const NBSP = "\u00a0";
const format = (value, options) => new Intl.NumberFormat("en", options).format(value).replace("-", "−");
const figures = (value, signDisplay = "auto") =>
  format(value, {
    ...(Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 }),
    signDisplay,
  });

/** A probability for people: whole per cents, finer near the ends, never a false 0 or 100. */
function percent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.1) return `<${NBSP}0.1${NBSP}%`;
  if (value < 100 && value > 99.9) return `>${NBSP}99.9${NBSP}%`;
  const fine = (value > 0 && value < 1) || (value > 99 && value < 100);
  return `${format(value, { maximumFractionDigits: fine ? 1 : 0 })}${NBSP}%`;
}

const regression = model.task === "regression";
const TENTH = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
const exact = (value) => (regression ? figures(value) : `${format(value * 100, TENTH)}${NBSP}%`);
const change = (value) =>
  regression ? figures(value, "exceptZero") : format(value * 100, { ...TENTH, signDisplay: "exceptZero" });

function valueText(value) {
  if (value === null || value === "") return UNKNOWN;
  if (value === true) return "yes";
  if (value === false) return "no";
  if (typeof value === "number")
    return format(value, { maximumSignificantDigits: 6, useGrouping: Math.abs(value) >= 10000 }); // it may be a year
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

const isCurrency = (unit) => /^\p{Sc}$/u.test(unit);
const withUnit = (text, unit) => {
  if (!unit || text === UNKNOWN) return text;
  return isCurrency(unit) ? `${unit}${text}` : `${text}${NBSP}${unit}`;
};

// ---- The answer -----------------------------------------------------------------------------------------------------

/** What stays on the page between answers, so that bars move instead of jumping. */
const parts = regression ? valueParts() : model.task === "binary" ? binaryParts() : classParts();

function show(answer) {
  const { headline, glance } = parts.show(answer);
  showGlance(glance);
  showWhy(answer.explanation);
  say(headline);
}

function headlineParts() {
  const word = make("span", "word");
  const number = make("span", "big number");
  return { word, number, line: make("p", "headline", word, number) };
}

function valueParts() {
  const { word, number, line } = headlineParts();
  find("prediction").append(line);
  return {
    show({ predictions: [value] }) {
      word.textContent = model.target;
      number.textContent = figures(value);
      return { headline: `${model.target}: ${figures(value)}`, glance: [model.target, figures(value)] };
    },
  };
}

function binaryParts() {
  const yes = String(model.positive);
  const no = [...classes.keys()].find((name) => name !== yes);
  const { word, number, line } = headlineParts();
  const fill = make("span", "fill");
  const mark = make("span", "mark");
  const bar = make("div", "probability", fill, mark);
  bar.setAttribute("aria-hidden", "true");
  const left = make("span", "number");
  const right = make("span", "number");
  const rule = make("p", "small soft");
  mark.style.left = `${model.threshold * 100}%`;
  rule.textContent = `It says “${classes.get(yes).name}” from ${percent(model.threshold)} on, where the mark is.`;
  find("prediction").append(line, bar, make("p", "ends small", left, right), rule);
  return {
    show({ predictions: [label], probabilities: [probabilities] }) {
      const own = percent(probabilities[String(label)]);
      word.textContent = classes.get(String(label)).alone;
      number.textContent = own;
      fill.style.width = `${probabilities[yes] * 100}%`;
      left.textContent = `${classes.get(yes).name} ${percent(probabilities[yes])}`;
      right.textContent = `${classes.get(no).name} ${percent(probabilities[no])}`;
      bar.classList.toggle("yes", String(label) === yes);
      return { headline: `${word.textContent}, ${own}`, glance: [word.textContent, own, probabilities[yes]] };
    },
  };
}

function classParts() {
  const { word, number, line } = headlineParts();
  const list = make("ol", "classes");
  const more = make("p", "small soft");
  find("prediction").append(line, list, more);
  const rows = new Map(
    model.classes.map(({ value, name }) => {
      const fill = make("span", "fill");
      const figure = make("span", "number");
      const bar = make("div", "probability", fill);
      bar.setAttribute("aria-hidden", "true");
      return [String(value), { fill, figure, item: make("li", "", make("span", "label", name), bar, figure) }];
    }),
  );
  list.append(...[...rows.values()].map((row) => row.item));
  const many = rows.size > CLASSES_SHOWN;
  return {
    show({ predictions: [label], probabilities: [probabilities] }) {
      const own = percent(probabilities[String(label)]);
      word.textContent = classes.get(String(label)).alone;
      number.textContent = own;
      for (const [name, { fill, figure, item }] of rows) {
        fill.style.width = `${probabilities[name] * 100}%`;
        figure.textContent = percent(probabilities[name]);
        item.classList.toggle("chosen", name === String(label));
      }
      if (many) {
        const order = [...rows.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
        list.replaceChildren(...order.slice(0, CLASSES_SHOWN).map((name) => rows.get(name).item));
        const rest = order.slice(CLASSES_SHOWN);
        const together = rest.reduce((sum, name) => sum + probabilities[name], 0);
        more.textContent = `${rest.length} others, together ${percent(together)}.`;
      }
      return { headline: `${word.textContent}, ${own}`, glance: [word.textContent, own, probabilities[String(label)]] };
    },
  };
}

/** The answer in one line, which a phone keeps in sight. */
function showGlance([text, figure, share]) {
  const glance = find("glance");
  const fill = make("span", "fill");
  fill.style.width = share === undefined ? "0" : `${share * 100}%`;
  glance.replaceChildren(make("span", "word", text), make("span", "number", figure), fill);
  glance.hidden = false;
}

// ---- Why ------------------------------------------------------------------------------------------------------------

function showWhy({ label, value, typical_value, contributions }) {
  const unit = regression ? "" : " points";
  const least = regression ? Math.max(Math.abs(value), Math.abs(typical_value)) * 1e-4 : 0.0005;
  const telling = contributions.filter(({ contribution }) => contribution && Math.abs(contribution) >= least);
  const silent = contributions.filter((part) => !telling.includes(part));
  const shown = telling.slice(0, SHARES_SHOWN);
  const rest = telling.slice(SHARES_SHOWN);
  const axis = scaleOf(telling);

  const measured = regression
    ? model.target[0].toUpperCase() + model.target.slice(1)
    : `Probability of “${classes.get(String(label)).alone}”`;
  find("why-ends").replaceChildren(
    ...(telling.length
      ? [`${measured}: `, strong(exact(typical_value)), ` for a typical ${model.row}, `, strong(exact(value)), " for this one."]
      : [`${measured}: `, strong(exact(value)), `, as for a typical ${model.row}.`]),
  );
  const items = shown.map((part) => share(part, axis, unit));
  const details = find("rest");
  details.hidden = rest.length === 0;
  const sum = rest.reduce((total, { contribution }) => total + contribution, 0);
  details.firstElementChild.textContent = `${rest.length} smaller ones among them, in sum ${change(sum)}${unit}`;
  details.lastElementChild.replaceChildren(...rest.map((part) => share(part, axis, unit)));
  if (telling.length) {
    const total = make("span", "number", `${change(value - typical_value)}${unit}`);
    items.push(make("li", "sum", make("span", "", "Together"), total));
  }
  find("shares").replaceChildren(...items);
  const names = telling.length ? silent.map(({ column }) => titleOf(column)).join(", ") : "";
  find("without").textContent = names && `As in a typical ${model.row}, or without effect: ${names}.`;
}

const titleOf = (name) => byName.get(name)?.title ?? name;

/** Where zero lies between the largest fall and the largest rise, and how wide a share of 1 is; both in per cent. */
function scaleOf(parts) {
  const rise = Math.max(0, ...parts.map(({ contribution }) => contribution));
  const fall = Math.max(0, ...parts.map(({ contribution }) => -contribution));
  const width = Math.max(rise + fall, regression ? 0 : 0.1) || 1; // small shares look small
  return { zero: (fall / width) * 100, scale: 100 / width };
}

/** One column's share: what it is, what it would be in a typical row, and a bar to the side it pulls to. */
function share({ column, value, typical, contribution }, { zero, scale }, unit) {
  const width = Math.abs(contribution) * scale;
  const axis = make("span", "axis");
  const fill = make("span", contribution < 0 ? "fill down" : "fill up");
  axis.style.left = `${zero}%`;
  fill.style.left = `${contribution < 0 ? zero - width : zero}%`;
  fill.style.width = `${width}%`;
  const bar = make("span", "pull", axis, fill);
  bar.setAttribute("aria-hidden", "true");
  const words = make("span", "soft", ` ${comparison(column, value, typical)}`);
  const number = make("span", "number", change(contribution), make("span", "away", unit));
  return make("li", "share", make("span", "what", strong(titleOf(column)), words), bar, number);
}

/** "7 instead of 28 years". */
function comparison(column, value, typical) {
  const unit = byName.get(column)?.unit;
  const own = valueText(value);
  const usual = valueText(typical);
  if (own === usual) return withUnit(own, unit);
  return `${typical === null || isCurrency(unit) ? withUnit(own, unit) : own} instead of ${withUnit(usual, unit)}`;
}

// ---- Call it --------------------------------------------------------------------------------------------------------

const CALLS = {
  curl: (row) =>
    `curl ${predictUrl()} \\\n  -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(row).replaceAll("'", "'\\''")}'`,
  http: (row) =>
    `import json\nfrom urllib.request import Request, urlopen\n\nrow = ${python(row)}\n` +
    `request = Request("${predictUrl()}", json.dumps(row).encode(), {"Content-Type": "application/json"})\n` +
    `print(json.load(urlopen(request)))`,
  package: (row) =>
    `# pip install ${model.release}==${model.version}\nimport ${model.package}\n\n` +
    `print(${model.package}.predict(${python(row)}))`,
};

const predictUrl = () => new URL("api/v1/predict", document.baseURI.split("#")[0]).href;

/** Write JSON's values as Python does, one column a line. */
function python(value, depth = 0) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => python(item, depth + 1)).join(", ")}]`;
  const items = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${python(item, depth + 1)}`);
  if (depth || items.length < 2) return `{${items.join(", ")}}`;
  return `{\n${items.map((item) => `    ${item},\n`).join("")}}`;
}

function showCall() {
  const chosen = document.querySelector("input[name=call]:checked").value;
  find("code").textContent = CALLS[chosen](lastRow);
}

async function copy() {
  const button = find("copy");
  try {
    await navigator.clipboard.writeText(find("code").textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(find("code")); // not allowed, or not over HTTPS: select it, for the keys
    button.textContent = "Selected";
  }
  say(button.textContent === "Copied" ? "Copied." : "Selected; copy it with the keyboard.");
  forget();
}

const forget = whenQuiet(2000, () => (find("copy").textContent = "Copy"));

// ---- The address ----------------------------------------------------------------------------------------------------

/** Keep in the address what differs from the example. */
function keepInAddress() {
  const differing = Object.entries(lastRow)
    .map(([name, value]) => [name, JSON.stringify(value)])
    .filter(([name, text]) => text !== JSON.stringify(model.example[name]));
  const hash = differing.length ? `#${new URLSearchParams(differing)}` : "";
  if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

/** Fill the form from the address, or with the example; an address that means something else changes nothing. */
function readAddress() {
  const row = { ...model.example };
  let known = false;
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    if (!byName.has(name)) continue;
    try {
      row[name] = JSON.parse(text);
      known = true;
    } catch {
      // a damaged value; the example's stays
    }
  }
  return known ? row : null;
}

// ---- Begin ----------------------------------------------------------------------------------------------------------

form.addEventListener("input", askSoon);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
for (const button of document.querySelectorAll("[data-start]")) {
  button.addEventListener("click", () => {
    writeForm(STARTS[button.dataset.start]());
    complain.stop();
    showProblems(new Map());
    ask();
  });
}
for (const input of document.querySelectorAll("input[name=call]")) input.addEventListener("change", showCall);
find("copy").addEventListener("click", copy);
find("retry").addEventListener("click", () => ask());
addEventListener("hashchange", () => {
  const row = readAddress();
  if (!row) return;
  writeForm(row);
  ask();
});
writeForm(readAddress() ?? model.example);
ask();
