// Predicts a CSV file: reads it here, sends its rows in parts that the API accepts, shows the first ones, and offers all of them.

import { find, format, make, model, amount, percent, regression, valueText } from "./shared.js";
import { decode, Doubt, hasDecimalCommas, NotRead, readBoolean, readNumber, readTable, writeRecord } from "./csv.js";
import { NotPredicted, predictRows } from "./rows.js";

const MOST_BYTES = 50 * 2 ** 20;
const MOST_ROWS = 1000; // of a part
const MOST_VALUES = 4500; // of a part; of more, the API reports only the first error
const ROWS_SHOWN = 10;
const COLUMNS_SHOWN = 4;
const CAUSES_SHOWN = 10;
const CELL_SHOWN = 40; // letters

const byName = new Map(model.columns.map((column) => [column.name, column]));
const labels = new Map(model.classes.map(({ value, name }) => [String(value), name]));
const parts = makeParts();
let running; // the AbortController of the file that is being predicted
let offered = ""; // the URL of the last download

export function open() {}

function makeParts() {
  const input = make("input", "");
  Object.assign(input, { type: "file", accept: ".csv,.tsv,.txt,text/csv", id: "batch-file" });
  const label = make("label", "drop", make("span", "", "Choose a CSV file, or drop it on this page."), input);
  label.htmlFor = input.id;
  const help = make("p", "small soft", "Its first line names the columns. It is sent only to this server, for the predictions.");
  const status = make("p", "");
  status.setAttribute("role", "status");
  const bar = make("progress", "");
  bar.setAttribute("aria-label", "Rows predicted");
  const stop = make("button", "quiet", "Stop");
  stop.type = "button";
  const count = make("span", "small number");
  const working = make("p", "working", bar, count, stop);
  working.hidden = true;
  const result = make("div", "");
  find("batch").replaceChildren(label, help, status, working, result);
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // so that the same file can be chosen again
    if (file) read(file);
  });
  stop.addEventListener("click", () => running?.abort());
  return { status, bar, count, working, result };
}

/** Predict a file, and show the result. */
export async function read(file) {
  running?.abort();
  const mine = (running = new AbortController());
  parts.result.replaceChildren();
  parts.working.hidden = false;
  parts.bar.removeAttribute("value");
  parts.count.textContent = "";
  parts.status.classList.remove("error");
  parts.status.textContent = `Predicting ${file.name} …`;
  try {
    const table = await tableOf(file);
    const items = await predictTable(table, mine.signal, (done) => {
      if (mine !== running) return;
      parts.bar.max = table.records.length;
      parts.bar.value = done;
      parts.count.textContent = `${format(done)} of ${format(table.records.length)} rows`;
    });
    if (mine === running) showResult(file, table, items);
  } catch (error) {
    if (mine !== running) return;
    const expected = error instanceof NotRead || error instanceof NotPredicted || mine.signal.aborted;
    fail(mine.signal.aborted ? "Stopped." : expected ? error.message : "This file could not be predicted.", file);
    if (!expected) throw error;
  } finally {
    if (mine === running) parts.working.hidden = true;
  }
}

function fail(message, file) {
  parts.status.textContent = `${file.name}: ${message}`;
  parts.status.classList.add("error");
}

async function tableOf(file) {
  if (file.size > MOST_BYTES) throw new NotRead("Files of more than 50 MB are predicted on the command line: seatrial predict FILE.");
  if (file.size === 0) throw new NotRead("The file is empty.");
  const table = readTable(decode(new Uint8Array(await file.arrayBuffer())), byName);
  for (const column of model.columns.filter(({ required, name }) => required && !table.columns.includes(name))) {
    const near = table.columns.find((name) => simple(name) === simple(column.name));
    throw new NotRead(`The file has no column “${column.name}”. ${near ? `Rename “${near}”.` : `Its columns are: ${listed(table.columns)}.`}`);
  }
  table.sent = table.columns.map((name, place) => ({ place, column: byName.get(name) })).filter(({ column }) => column);
  table.decimalCommas = hasDecimalCommas(numberCells(table), table.separator);
  return table;
}

const simple = (name) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
const listed = (names) => (names.length > 20 ? `${names.slice(0, 20).join(", ")} and ${names.length - 20} more` : names.join(", "));

function* numberCells({ records, sent }) {
  const numeric = sent.filter(({ column }) => column.numeric);
  for (const { cells } of records) for (const { place } of numeric) if (cells[place]) yield cells[place];
}

/** The row that the API gets; or {problems} where it cannot be told what a cell means. */
function rowOf({ columns, sent, separator, decimalCommas }, { cells }) {
  if (cells.length !== columns.length) {
    return { problems: [{ column: "", rule: `The row has ${cells.length} cells, the header has ${columns.length}` }] };
  }
  const row = {};
  const problems = [];
  for (const { place, column } of sent) {
    try {
      row[column.name] = valueOf(column, cells[place], separator, decimalCommas);
    } catch (error) {
      if (!(error instanceof Doubt)) throw error;
      problems.push({ column: column.name, rule: error.message });
    }
  }
  return problems.length ? { problems } : { row };
}

/** A cell as the API expects it. What is not of the column's type stays text, which the API refuses in its own words. */
function valueOf(column, cell, separator, decimalCommas) {
  if (cell === "") return null;
  if (column.type === "boolean") return readBoolean(cell) ?? cell;
  if (column.numeric) return readNumber(cell, separator, decimalCommas) ?? cell;
  if (column.kind !== "json") return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

async function predictTable(table, signal, progress) {
  const items = table.records.map((record) => rowOf(table, record));
  const waiting = items.flatMap(({ row }, number) => (row ? [number] : []));
  const most = Math.max(1, Math.min(MOST_ROWS, model.row_limit, Math.floor(MOST_VALUES / (model.columns.length + 1))));
  let done = items.length - waiting.length;
  for (let start = 0; start < waiting.length; ) {
    progress(done);
    let size = 0;
    let stop = start;
    while (stop < waiting.length && stop - start < most && size < model.body_limit * 0.4) {
      size += JSON.stringify(items[waiting[stop++]].row).length;
    }
    const numbers = waiting.slice(start, stop);
    const answers = await predictRows(numbers.map((number) => items[number].row), signal);
    numbers.forEach((number, place) => (items[number] = answers[place]));
    done += numbers.length;
    start = stop;
  }
  return items;
}

// ---- The result ----------------------------------------------------------------------------------------------------

function showResult(file, table, items) {
  const refused = items.filter(({ problems }) => problems).length;
  const warned = items.filter(({ warnings }) => warnings?.length).length;
  const count = (number, words) => `${format(number)} ${number === 1 ? words[0] : words[1]}`;
  const said = [count(items.length - refused, ["row was predicted", "rows were predicted"])];
  if (refused) said.push(count(refused, ["row was refused", "rows were refused"]));
  if (warned) said.push(count(warned, ["row has values that training never saw", "rows have values that training never saw"]));
  parts.status.textContent = `${file.name}: ${said.join(", ")}.`;
  const unknown = table.columns.filter((name) => !byName.has(name));
  const { blob, guarded } = downloadOf(table, items);
  const notes = [];
  if (unknown.length) notes.push(`Columns that the model does not know stay in the download: ${listed(unknown)}.`);
  if (guarded) notes.push(`${format(guarded)} cells that a spreadsheet would run as formulas begin with an apostrophe in the download.`);
  parts.result.replaceChildren(
    make("p", "", downloadLink(file, blob)),
    ...(refused ? [make("h3", "", "Refused"), causes(table, items)] : []),
    make("h3", "", items.length > ROWS_SHOWN ? `The first ${ROWS_SHOWN} rows` : "The rows"),
    preview(table, items),
    ...notes.map((note) => make("p", "small soft", note)),
  );
}

function downloadLink(file, blob) {
  URL.revokeObjectURL(offered);
  offered = URL.createObjectURL(blob);
  const link = make("a", "", "Download all predictions as CSV");
  link.href = offered;
  link.download = `${file.name.replace(/\.[^.]*$/, "")}-predictions.csv`;
  return link;
}

/** The refused rows by column and rule, the most frequent first. */
function causes({ columns, records }, items) {
  const groups = new Map();
  items.forEach(({ problems }, number) => {
    for (const { column, rule } of problems ?? []) {
      const group = groups.get(`${column}\n${rule}`) ?? { column, rule, rows: 0, places: [] };
      groups.set(`${column}\n${rule}`, group);
      const cell = records[number].cells[columns.indexOf(column)] ?? "";
      if (++group.rows <= 3) group.places.push(`line ${records[number].line}${cell ? ` (${short(cell)})` : ""}`);
    }
  });
  const ordered = [...groups.values()].sort((a, b) => b.rows - a.rows);
  const lines = ordered.slice(0, CAUSES_SHOWN).map(({ column, rule, rows, places }) => {
    const where = `${places.join(", ")}${rows > places.length ? ", …" : ""}`;
    const about = column ? [make("strong", "", column), ": "] : [];
    return make("li", "", ...about, `${rule} (${rows === 1 ? "1 row" : `${format(rows)} rows`}): ${where}`);
  });
  if (ordered.length > CAUSES_SHOWN) lines.push(make("li", "", `and ${ordered.length - CAUSES_SHOWN} more reasons`));
  return make("ul", "causes", ...lines);
}

const short = (text) => (text.length > CELL_SHOWN ? `${text.slice(0, CELL_SHOWN - 1)}…` : text);

function preview({ columns, records }, items) {
  const shown = model.order.filter((name) => columns.includes(name)).slice(0, COLUMNS_SHOWN);
  const heading = (text, kind = "") => {
    const cell = make("th", kind, text);
    cell.scope = "col";
    return cell;
  };
  const head = [heading("Line", "number"), heading("Prediction", regression ? "number" : "")];
  if (!regression) head.push(heading("Probability", "number"));
  const remarked = items.slice(0, ROWS_SHOWN).some(({ problems, warnings }) => problems || warnings.length);
  head.push(...(remarked ? [heading("Remarks")] : []), ...shown.map((name) => heading(byName.get(name).title, byName.get(name).numeric ? "number" : "")));
  const rows = items.slice(0, ROWS_SHOWN).map((item, number) => {
    const { line, cells } = records[number];
    const row = [make("td", "number", format(line)), make("td", regression ? "number" : "", item.problems ? "–" : answerText(item))];
    if (!regression) row.push(make("td", "number", item.problems ? "" : percent(item.probabilities[String(item.prediction)])));
    if (remarked) row.push(make("td", "remarks", make("span", item.problems ? "error" : "unseen", remarks(item, columns, cells))));
    for (const name of shown) row.push(make("td", byName.get(name).numeric ? "number" : "", short(cells[columns.indexOf(name)] ?? "")));
    return make("tr", "", ...row);
  });
  const region = make("div", "scroll", make("table", "", make("thead", "", make("tr", "", ...head)), make("tbody", "", ...rows)));
  region.tabIndex = 0;
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", "The first rows and their predictions");
  return region;
}

const answerText = ({ prediction }) => (regression ? amount(prediction) : (labels.get(String(prediction)) ?? valueText(prediction)));

/** Why a row was refused, or what training never saw in it: as in the files that `seatrial predict` writes. */
function remarks({ problems, warnings }, columns, cells) {
  const value = (column) => (cells[columns.indexOf(column)] ? ` '${short(cells[columns.indexOf(column)])}'` : "");
  if (!problems) return warnings.map(({ column, rule }) => `${column}: ${rule}`).join("; ");
  return problems.map(({ column, rule }) => `refused: ${column ? `${column}${value(column)}: ` : ""}${rule}`).join("; ");
}

/** The file with the predictions beside its own columns. The mark at its start makes Excel read it as UTF-8. */
function downloadOf({ columns, records, separator, decimalCommas }, items) {
  const names = model.classes.map(({ value }) => String(value));
  const added = ["prediction", ...names.map((name) => `probability_${name}`), "warnings"];
  const taken = new Set([...columns, ...added]);
  const own = columns.map((name) => {
    let renamed = name;
    while (added.includes(renamed) || (renamed !== name && taken.has(renamed))) renamed = `input_${renamed}`;
    return renamed;
  });
  const number = (value) => (decimalCommas ? String(value).replace(".", ",") : String(value));
  const written = ["\ufeff"];
  let guarded = 0;
  const write = (cells) => {
    const record = writeRecord(cells, separator);
    guarded += record.guarded;
    written.push(record.text);
  };
  write([...own, ...added]);
  records.forEach(({ cells }, place) => {
    const item = items[place];
    const mine = columns.map((_, column) => cells[column] ?? "");
    const prediction = item.problems ? "" : typeof item.prediction === "number" ? number(item.prediction) : String(item.prediction);
    const shares = names.map((name) => (item.problems ? "" : number(item.probabilities[name])));
    write([...mine, prediction, ...shares, remarks(item, columns, cells)]);
  });
  return { blob: new Blob(written, { type: "text/csv" }), guarded };
}
