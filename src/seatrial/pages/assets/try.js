// The prediction page: reads the form, calls the API as the user types, shows the prediction and its explanation.
// All text is inserted as text, never as HTML. The URL fragment keeps the row, to share it; browsers never send that part.

import { amount, change, debounce, exact, figures, find, isCurrency, make, model, NBSP, percent, regression } from "./shared.js";
import { format, valueText, withUnit } from "./shared.js";
import { hasKey, post, prepareKey, refusal } from "./key.js";

const form = find("row");
const fields = model.columns.map((column) => ({
  ...column,
  box: find(`${column.id}-field`),
  control: find(column.id),
  error: find(`${column.id}-error`),
  unseen: find(`${column.id}-unseen`),
  other: find(`${column.id}-other`), // of an open category
  inputs: [...find(`${column.id}-field`).querySelectorAll("input, select, textarea")],
}));
const byName = new Map(fields.map((field) => [field.name, field]));
const classes = new Map(model.classes.map((item) => [String(item.value), item]));

const ASK_AFTER = 60; // milliseconds after the last key press
const SHOW_ERRORS_AFTER = 400; // do not show an error while a number is being typed
const DIM_AFTER = 300; // a response that takes longer would be mistaken for one to the current row
const SAY_AFTER = 700; // a screen reader announces the final result, not every step
const RETRY_AFTER = 3000;
const SHARES_SHOWN = 8;
const CLASSES_SHOWN = 6;
const NAMES_SHOWN = 12;
const LONG_FIGURE = 9; // longer ones get their bar below the words

const strong = (text) => make("strong", "", text);

// ---- The form -------------------------------------------------------------------------------------------------------

class InvalidInput extends Error {}

/** The value of a control in the form that the API expects; undefined omits the column. Throws InvalidInput. */
function read(field) {
  const { control, inputs } = field;
  if (field.kind === "segments") {
    const checked = inputs.find((input) => input.checked);
    return checked ? JSON.parse(checked.value) : emptyValue(field);
  }
  if (field.kind === "select" && field.other) {
    field.other.hidden = control.value !== OTHER;
    if (control.value === OTHER) return readOther(field.other);
  }
  if (field.kind === "select") return control.value ? JSON.parse(control.value) : emptyValue(field);
  if (control.validity.badInput) throw new InvalidInput("Incomplete or invalid value.");
  const text = control.value;
  if (text === "") return emptyValue(field);
  if (field.kind === "number") return Number(text);
  if (field.kind === "json") {
    try {
      return JSON.parse(text);
    } catch {
      throw new InvalidInput("This is not valid JSON.");
    }
  }
  return text;
}

const OTHER = "other"; // the choice of a value that is not in the list

function readOther(input) {
  if (input.validity.badInput) throw new InvalidInput("Incomplete or invalid value.");
  if (input.value === "") throw new InvalidInput("");
  return input.type === "number" ? Number(input.value) : input.value;
}

function emptyValue(field) {
  if (field.nullable) return null;
  if (field.required) throw new InvalidInput("");
  return undefined;
}

/** Set the value of a control; null and undefined clear it. */
function write(field, value) {
  const { control, inputs } = field;
  const same = (text) => text !== "" && value !== undefined && text === JSON.stringify(value);
  if (field.kind === "segments") for (const input of inputs) input.checked = same(canonical(input.value));
  else if (field.kind === "select") {
    const unlisted = field.other && value !== null && value !== undefined ? OTHER : "";
    control.value = [...control.options].find((option) => same(canonical(option.value)))?.value ?? unlisted;
    if (field.other) field.other.value = control.value === OTHER ? String(value) : "";
  } else if (value === null || value === undefined) control.value = "";
  else if (field.kind === "json") control.value = JSON.stringify(value);
  else control.value = typeof value === (field.kind === "number" ? "number" : "string") ? String(value) : "";
}

/** The JSON of a choice as JavaScript writes it: 1.0 becomes 1. */
const canonical = (text) => (text === "" || text === OTHER ? "" : JSON.stringify(JSON.parse(text)));

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
      if (!(error instanceof InvalidInput)) throw error;
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

/** Show errors at their fields, and errors without a field below the form. */
function showProblems(problems, others = []) {
  for (const field of fields) {
    const message = problems.get(field) ?? "";
    field.error.textContent = message;
    field.box.classList.toggle("wrong", message !== "");
    if (message) field.control.setAttribute("aria-invalid", "true");
    else field.control.removeAttribute("aria-invalid");
  }
  find("form-error").textContent = others.join(" ");
  unfold([...problems.keys()]);
  const messages = [...problems].map(([field, message]) => `${field.title}: ${message}`).concat(others);
  if (!messages.length) return;
  announce(messages.join(" "));
  setState("stale", `Please correct: ${[...problems.keys()].map((field) => field.title).join(", ") || "the row"}.`);
}

/** Open the folded part of the form that one of these fields is in. */
function unfold(found) {
  for (const field of found) for (const folded of form.querySelectorAll("details")) if (folded.contains(field.box)) folded.open = true;
}

/** Group the errors of a 422 by field, in Pydantic's words, with the field as "it". */
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

// ---- Calling the API ---------------------------------------------------------------------------------------------------------

let pending; // the AbortController of the current request; responses to earlier ones are ignored
let lastRow = model.example;
let lastAnswer;

const showProblemsSoon = debounce(SHOW_ERRORS_AFTER, showProblems);
const announce = debounce(SAY_AFTER, (text) => {
  if (find("status").textContent !== text) find("status").textContent = text;
});
const retry = debounce(RETRY_AFTER, () => ask());
const dim = debounce(DIM_AFTER, () => {
  if (find("result").dataset.state === "fresh") setState("stale");
});
const askSoon = debounce(ASK_AFTER, () => ask());
const keepSoon = debounce(SHOW_ERRORS_AFTER, writeUrl);

async function ask() {
  askSoon.stop();
  showProblemsSoon.stop();
  retry.stop();
  dim.stop();
  pending?.abort();
  pending = undefined;
  const { row, problems, missing } = readForm();
  if (problems.size || missing.length) {
    unfold(missing);
    setState("stale", missing.length ? `Please fill in: ${missing.map((field) => field.title).join(", ")}.` : "");
    showProblemsSoon(problems);
    return;
  }
  lastRow = row;
  showCall();
  keepSoon();
  dim();
  const mine = (pending = new AbortController());
  let status;
  let answer;
  let response;
  let refused;
  try {
    response = await post("api/v1/explain", row, mine.signal);
    status = response.status;
    answer = await response.json();
  } catch {
    status = 0;
  }
  if (mine !== pending) return;
  dim.stop();
  if (status === 200) {
    showProblemsSoon.stop();
    showProblems(new Map());
    setState("fresh");
    show(answer);
  } else if (status === 422 || status === 413) {
    const { problems, others } = readDetail(answer.detail);
    showProblemsSoon(problems, others);
    setState("stale");
  } else if (status && (refused = refusal(response, answer))) {
    setState("stale", refused.message, status === 429);
    announce(refused.message);
    if (refused.seconds) setTimeout(() => mine === pending && ask(), refused.seconds * 1000);
  } else {
    const [message, again] = TROUBLES[status] ?? TROUBLES.other;
    setState("stale", message + (answer?.request_id ? ` Request ID: ${answer.request_id}.` : ""), true);
    announce(message);
    if (again) retry();
  }
}

const TROUBLES = {
  0: ["The server cannot be reached. Retrying automatically.", true],
  503: ["The server is not ready. Retrying automatically.", true],
  other: ["The server could not predict this row. Its log has the cause.", false],
};

/** fresh, or stale: the last prediction stays, dimmed, with a message about the problem. */
function setState(state, message = "", canRetry = false) {
  if (find("result").dataset.state !== "waiting" || state === "fresh") find("result").dataset.state = state;
  find("glance").dataset.state = state;
  find("trouble").hidden = message === "";
  find("trouble").classList.toggle("soft", !canRetry);
  find("trouble").firstElementChild.textContent = message;
  find("retry").hidden = !canRetry;
  if (state === "fresh") find("key-form").hidden = true;
}

// ---- The prediction -----------------------------------------------------------------------------------------------------

/** Elements that stay on the page between predictions, so that bars move instead of jumping. */
const parts = regression ? valueParts() : model.task === "binary" ? binaryParts() : classParts();

function show(answer) {
  lastAnswer = answer;
  const { headline, glance } = parts.show(answer);
  showGlance(glance);
  showWhy(answer.explanation);
  showUnseen(answer.warnings ?? []);
  announce(headline);
  tool("what_if.js", (whatIf) => whatIf.showRow(lastRow, answer));
}

/** Say which values no training row had: at their fields, and below the prediction. */
function showUnseen(warnings) {
  const messages = new Map(warnings.map(({ column, msg }) => [column, msg]));
  for (const field of fields) field.unseen.textContent = messages.has(field.name) ? `${messages.get(field.name)}.` : "";
  const names = [...messages.keys()].map(titleOf).join(", ");
  find("unseen").textContent = names && `Never seen in training: ${names}. The prediction may be wrong.`;
}

function headlineParts() {
  const word = make("span", "word");
  const number = make("span", "big number");
  return { word, number, line: make("p", "headline", word, number) };
}

function valueParts() {
  const { word, number, line } = headlineParts();
  find("prediction").append(line);
  const showRange = model.range ? rangeParts(model.range) : () => {};
  return {
    show({ predictions: [value] }) {
      word.textContent = model.target;
      number.textContent = isCurrency(model.unit) ? amount(value) : figures(value);
      if (!isCurrency(model.unit) && model.unit) number.append(" ", make("small", "", model.unit));
      showRange(value);
      return { headline: `${model.target}: ${amount(value)}`, glance: [model.target, amount(value)] };
    },
  };
}

const afterwards = (unit) => unit && `${NBSP}${unit}`; // a unit after its number

/** How far the truth may be from the prediction: the errors of held-out rows with similar predictions. */
function rangeParts({ share, rows, groups, never_negative }) {
  const fill = make("span", "fill");
  const mark = make("span", "mark");
  const bar = make("div", "probability range-bar", fill, mark);
  bar.setAttribute("aria-hidden", "true");
  const ends = make("p", "");
  const words = `For ${percent(share)} of ${format(rows)} rows that were not used in training, the true value was in such a range.`;
  find("prediction").append(bar, ends, make("p", "small soft", words));
  return (value) => {
    const group = groups.findLast(({ above }) => above === null || value >= above);
    const [low, high] = [value + group.low, value + group.high].map((end) => (never_negative ? Math.max(end, 0) : end));
    const [left, right] = [Math.min(low, value), Math.max(high, value)];
    const place = (x) => 10 + (80 * (x - left)) / (right - left || 1);
    fill.style.left = `${place(low)}%`;
    fill.style.width = `${place(high) - place(low)}%`;
    mark.style.left = `${place(value)}%`;
    ends.replaceChildren("Probably ", strong(amount(low)), " to ", strong(amount(high)));
  };
}

/** The classes among which the true one is, as often as the level says. */
function setParts() {
  if (!model.set) return () => {};
  const { level, least, rows } = model.set;
  const line = make("p", "set");
  const words = `In at least ${percent(level)} of cases like the ${format(rows)} that were not used in training, the true class is named here.`;
  find("prediction").append(line, make("p", "small soft", words));
  return (probabilities) => {
    const order = [...classes.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    const named = order.filter((name, place) => place === 0 || probabilities[name] >= least).map((name) => classes.get(name).name);
    const shown = named.slice(0, NAMES_SHOWN).map((name) => strong(name));
    const more = named.length > NAMES_SHOWN ? [` or ${named.length - NAMES_SHOWN} more`] : [];
    line.replaceChildren("Probably ", ...shown.flatMap((name, place) => (place ? [" or ", name] : [name])), ...more);
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
  rule.textContent = `The model predicts “${classes.get(yes).name}” from ${percent(model.threshold)} upwards (the mark).`;
  find("prediction").append(line, bar, make("p", "ends small", left, right), rule);
  const showSet = setParts();
  return {
    show({ predictions: [label], probabilities: [probabilities] }) {
      const likelihood = percent(probabilities[String(label)]);
      word.textContent = classes.get(String(label)).alone;
      number.textContent = likelihood;
      fill.style.width = `${probabilities[yes] * 100}%`;
      left.textContent = `${classes.get(yes).name} ${percent(probabilities[yes])}`;
      right.textContent = `${classes.get(no).name} ${percent(probabilities[no])}`;
      bar.classList.toggle("yes", String(label) === yes);
      showSet(probabilities);
      return { headline: `${word.textContent}, ${likelihood}`, glance: [word.textContent, likelihood, probabilities[yes]] };
    },
  };
}

function classParts() {
  const { word, number, line } = headlineParts();
  const list = make("ol", "classes");
  const more = make("p", "small soft");
  find("prediction").append(line, list, more);
  const showSet = setParts();
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
      const likelihood = percent(probabilities[String(label)]);
      word.textContent = classes.get(String(label)).alone;
      number.textContent = likelihood;
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
        more.textContent = `${rest.length} other classes, ${percent(together)} in total.`;
      }
      showSet(probabilities);
      return { headline: `${word.textContent}, ${likelihood}`, glance: [word.textContent, likelihood, probabilities[String(label)]] };
    },
  };
}

/** The prediction in one line, which stays visible on a phone. */
function showGlance([text, figure, share]) {
  const glance = find("glance");
  const fill = make("span", "fill");
  fill.style.width = share === undefined ? "0" : `${share * 100}%`;
  glance.replaceChildren(make("span", "word", text), make("span", "number", figure), fill);
  glance.hidden = false;
}

// ---- Why ------------------------------------------------------------------------------------------------------------

function showWhy({ label, value, typical_value, contributions }) {
  const unit = regression ? (isCurrency(model.unit) ? "" : afterwards(model.unit)) : " points";
  const least = regression ? Math.max(Math.abs(value), Math.abs(typical_value)) * 1e-4 : 0.0005;
  const relevant = contributions.filter(({ contribution }) => contribution && Math.abs(contribution) >= least);
  const negligible = contributions.filter((part) => !relevant.includes(part));
  const shown = relevant.slice(0, SHARES_SHOWN);
  const rest = relevant.slice(SHARES_SHOWN);
  const axis = scaleOf(relevant);

  const measured = regression
    ? model.target[0].toUpperCase() + model.target.slice(1)
    : `Probability of “${classes.get(String(label)).alone}”`;
  find("why-ends").replaceChildren(
    ...(relevant.length
      ? [`${measured}: `, strong(exact(typical_value)), ` for a typical ${model.row}, `, strong(exact(value)), " for this one."]
      : [`${measured}: `, strong(exact(value)), `, the same as for a typical ${model.row}.`]),
  );
  for (const list of document.querySelectorAll(".shares")) {
    list.classList.toggle("stacked", relevant.some(({ contribution }) => change(contribution).length > LONG_FIGURE));
  }
  const items = shown.map((part) => share(part, axis, unit));
  const details = find("rest");
  details.hidden = rest.length === 0;
  const sum = rest.reduce((total, { contribution }) => total + contribution, 0);
  details.firstElementChild.textContent = `${rest.length} smaller contributions, ${change(sum)}${unit} in total`;
  details.lastElementChild.replaceChildren(...rest.map((part) => share(part, axis, unit)));
  if (relevant.length) {
    const total = make("span", "number", `${change(value - typical_value)}${unit}`);
    items.push(make("li", "sum", make("span", "", "Total"), total));
  }
  find("shares").replaceChildren(...items);
  const names = relevant.length ? few(negligible.map(({ column }) => titleOf(column))) : "";
  find("without").textContent = names && `No effect, or the same as in a typical ${model.row}: ${names}.`;
}

const few = (names) => names.slice(0, NAMES_SHOWN).join(", ") + (names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "");
const titleOf = (name) => byName.get(name)?.title ?? name;

/** The position of zero between the largest decrease and increase, and the width of a contribution of 1; in percent. */
function scaleOf(parts) {
  const rise = Math.max(0, ...parts.map(({ contribution }) => contribution));
  const fall = Math.max(0, ...parts.map(({ contribution }) => -contribution));
  const width = Math.max(rise + fall, regression ? 0 : 0.1) || 1; // small shares look small
  return { zero: (fall / width) * 100, scale: 100 / width };
}

/** The contribution of a column: its value, the value in a typical row, and a bar in the direction of the change. */
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
  const current = valueText(value);
  const usual = valueText(typical);
  if (current === usual) return withUnit(current, unit);
  return `${typical === null || isCurrency(unit) ? withUnit(current, unit) : current} instead of ${withUnit(usual, unit)}`;
}

// ---- Tools that are loaded when somebody opens them ---------------------------------------------------------------

const tools = new Map(); // the scripts that were loaded

function tool(name, act) {
  tools.get(name)?.then(act);
}

function loadOnOpen(details, name, begin) {
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    if (!tools.has(name)) tools.set(name, import(`./${name}`));
    tool(name, begin);
  });
}

function prepareTools() {
  const numbers = model.order.map((name) => byName.get(name)).filter((field) => field.range && field.range[0] < field.range[1]);
  find("what-if").hidden = numbers.length === 0;
  loadOnOpen(find("what-if").firstElementChild, "what_if.js", (whatIf) => whatIf.open(numbers, lastRow, lastAnswer));
  loadOnOpen(find("file"), "batch.js", (batch) => batch.open());
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    find("file").open = true;
    find("file").scrollIntoView();
    tools.set("batch.js", tools.get("batch.js") ?? import("./batch.js"));
    if (file) tool("batch.js", (batch) => batch.read(file));
  });
}

// ---- Call the API --------------------------------------------------------------------------------------------------------

const CALLS = {
  curl: (row) =>
    `curl ${predictUrl()} \\\n  -H 'Content-Type: application/json' \\\n${hasKey() ? '  -H "Authorization: Bearer $KEY" \\\n' : ""}  -d '${JSON.stringify(row).replaceAll("'", "'\\''")}'`,
  http: (row) =>
    `import json\n${hasKey() ? "import os\n" : ""}from urllib.request import Request, urlopen\n\nrow = ${python(row)}\n` +
    `headers = {"Content-Type": "application/json"${hasKey() ? ', "Authorization": "Bearer " + os.environ["KEY"]' : ""}}\n` +
    `request = Request("${predictUrl()}", json.dumps(row).encode(), headers)\n` +
    `print(json.load(urlopen(request)))`,
  package: (row) =>
    `# pip install --no-deps --index-url URL_OF_YOUR_INDEX ${model.release}==${model.version}\nimport ${model.package}\n\n` +
    `print(${model.package}.predict(${python(row)}))`,
};

const predictUrl = () => new URL("api/v1/predict", document.baseURI.split("#")[0]).href;

/** Write a JSON value as a Python literal, one column per line. */
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
    getSelection().selectAllChildren(find("code")); // not allowed, or not over HTTPS: select the text instead
    button.textContent = "Selected";
  }
  announce(button.textContent === "Copied" ? "Copied." : "Selected. Copy it with the keyboard.");
  resetCopy();
}

const resetCopy = debounce(2000, () => (find("copy").textContent = "Copy"));

// ---- The URL ----------------------------------------------------------------------------------------------------

/** Keep the values that differ from the example in the URL. */
function writeUrl() {
  const differing = Object.entries(lastRow)
    .map(([name, value]) => [name, JSON.stringify(value)])
    .filter(([name, text]) => text !== JSON.stringify(model.example[name]));
  const hash = differing.length ? `#${new URLSearchParams(differing)}` : "";
  if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

/** The row in the URL, on top of the example; null if the fragment is something else. */
function readUrl() {
  const row = { ...model.example };
  let known = false;
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    if (!byName.has(name)) continue;
    try {
      row[name] = JSON.parse(text);
      known = true;
    } catch {
      // an invalid value; keep the example's
    }
  }
  return known ? row : null;
}

// ---- Start ----------------------------------------------------------------------------------------------------------

form.addEventListener("input", askSoon);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
for (const button of document.querySelectorAll("[data-start]")) {
  button.addEventListener("click", () => {
    writeForm(STARTS[button.dataset.start]());
    showProblemsSoon.stop();
    showProblems(new Map());
    ask();
  });
}
for (const input of document.querySelectorAll("input[name=call]")) input.addEventListener("change", showCall);
find("copy").addEventListener("click", copy);
find("retry").addEventListener("click", () => ask());
addEventListener("hashchange", () => {
  const row = readUrl();
  if (!row) return;
  writeForm(row);
  ask();
});
prepareTools();
prepareKey(() => ask());
writeForm(readUrl() ?? model.example);
ask();
