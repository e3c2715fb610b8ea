// Stands in for the server: checks a row, derives its features, runs the graph with onnxruntime-web, and explains.
// The page asks it as it asks a server. Nothing leaves this machine.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { features, release } from "./release.js";

const EXACT_UP_TO = 10; // columns whose contributions are exact over all subsets
const PERMUTATIONS = 32;

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("./ort-wasm-simd-threaded.wasm", import.meta.url).href };
const session = ort.InferenceSession.create(new URL("../model.onnx", import.meta.url).href);

const columns = new Map(release.columns.map((column) => [column.name, column]));
for (const column of release.columns) column.matches = compiled(column.pattern);

/** A pattern of the schema; null for one that JavaScript cannot read, such as (?i) or (?P<name>...). */
function compiled(pattern) {
  try {
    return pattern ? new RegExp(pattern, "u") : null;
  } catch {
    return null;
  }
}

/** The rule that a value breaks, in words; undefined where it breaks none. */
function broken(column, value) {
  if (value === null) return column.nullable ? undefined : "Input should not be missing";
  if (column.type === "boolean") return typeof value === "boolean" ? undefined : "Input should be true or false";
  if (column.type === "category") {
    if (column.categories.includes(value)) return undefined;
    if (column.open && typeof value === typeof column.categories[0]) return undefined;
    return `Input should be ${column.categories.map((each) => JSON.stringify(each)).join(" or ")}`;
  }
  return column.type === "text" ? brokenText(column, value) : brokenNumber(column, value);
}

function brokenText(column, value) {
  if (typeof value !== "string") return "Input should be a valid string";
  const length = [...value].length;
  if (length < column.minLength) return `String should have at least ${column.minLength} characters`;
  if (column.maxLength !== null && length > column.maxLength) return `String should have at most ${column.maxLength} characters`;
  if (column.matches && !column.matches.test(value)) return `String should match pattern '${column.pattern}'`;
  return undefined;
}

function brokenNumber(column, value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "Input should be a valid number";
  if (column.type === "integer" && !Number.isInteger(value)) return "Input should be a valid integer";
  if (column.aboveLow ? value <= column.low : value < column.low) return `Input should be greater than ${column.aboveLow ? "" : "or equal to "}${column.low}`;
  if (column.belowHigh ? value >= column.high : value > column.high) return `Input should be less than ${column.belowHigh ? "" : "or equal to "}${column.high}`;
  return undefined;
}

/** The complete row, and what is wrong with it as a server says it. */
export function checked(given, place = []) {
  const errors = [];
  const row = {};
  for (const name of Object.keys(given)) {
    if (!columns.has(name)) errors.push({ loc: ["body", ...place, name], msg: "Extra inputs are not permitted" });
  }
  for (const column of release.columns) {
    const absent = !Object.hasOwn(given, column.name);
    row[column.name] = absent ? column.default : given[column.name];
    const rule = absent ? (column.required ? "Field required" : undefined) : broken(column, row[column.name]);
    if (rule) errors.push({ loc: ["body", ...place, column.name], msg: rule });
  }
  return { row, errors };
}

/** Score checked rows: an array of probabilities for each, or of one prediction. */
export async function score(rows) {
  const made = rows.map(features);
  const feeds = {};
  if (release.numbers) feeds.numbers = new ort.Tensor("float64", Float64Array.from(made.flatMap(({ numbers }) => numbers)), [rows.length, release.numbers]);
  if (release.strings) feeds.strings = new ort.Tensor("string", made.flatMap(({ strings }) => strings), [rows.length, release.strings]);
  const { scores } = await (await session).run(feeds);
  const width = scores.data.length / rows.length;
  return rows.map((_, number) => Array.from(scores.data.slice(number * width, (number + 1) * width)));
}

/** The position of the predicted class. */
export function decided(scores) {
  if (release.task === "binary") return scores[release.positive] >= release.threshold ? release.positive : 1 - release.positive;
  return scores.indexOf(Math.max(...scores));
}

function described(every) {
  if (release.task === "regression") return { predictions: every.map(([value]) => value) };
  const probabilities = every.map((scores) => Object.fromEntries(scores.map((share, place) => [String(release.classes[place]), share])));
  return { predictions: every.map((scores) => release.classes[decided(scores)]), probabilities };
}

/** Shapley values against the typical row: exact over all subsets of a few columns, else over permutations. */
async function explained(row) {
  const { typical } = release;
  const [own] = await score([row]);
  const place = release.task === "multiclass" ? decided(own) : release.task === "binary" ? release.positive : 0;
  const names = release.used.filter((name) => row[name] !== typical[name]);
  const shares = names.length <= EXACT_UP_TO ? await exactShares(row, names, place) : await sampledShares(row, names, place);
  const [start] = await score([typical]);
  const contributions = release.used.map((column) => ({ column, value: row[column], typical: typical[column], contribution: shares.get(column) ?? 0 }));
  contributions.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const label = release.task === "regression" ? null : release.classes[place];
  return { label, value: own[place], typical_value: start[place], contributions };
}

async function exactShares(row, names, place) {
  const masks = Array.from({ length: 1 << names.length }, (_, mask) => mask);
  const mixed = masks.map((mask) => ({ ...release.typical, ...Object.fromEntries(names.filter((_, bit) => (mask >> bit) & 1).map((name) => [name, row[name]])) }));
  const scores = (await score(mixed)).map((each) => each[place]);
  const size = (mask) => mask.toString(2).replaceAll("0", "").length;
  const choose = (n, k) => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
  const share = (bit) => masks.filter((mask) => !((mask >> bit) & 1)).reduce((sum, mask) => sum + (scores[mask | (1 << bit)] - scores[mask]) / (names.length * choose(names.length - 1, size(mask))), 0);
  return new Map(names.map((name, bit) => [name, share(bit)]));
}

async function sampledShares(row, names, place) {
  let state = 1; // the same row gets the same explanation
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const shares = new Map(names.map((name) => [name, 0]));
  for (let number = 0; number < PERMUTATIONS; number++) {
    const order = names.map((name) => [random(), name]).sort(([a], [b]) => a - b).map(([, name]) => name);
    for (const names of [order, order.toReversed()]) {
      const mixed = [{ ...release.typical }];
      for (const name of names) mixed.push({ ...mixed.at(-1), [name]: row[name] });
      const scores = (await score(mixed)).map((each) => each[place]);
      names.forEach((name, at) => shares.set(name, shares.get(name) + (scores[at + 1] - scores[at]) / (2 * PERMUTATIONS)));
    }
  }
  return shares;
}

const answer = (status, document) => new Response(JSON.stringify(document), { status });

// ---- What the page's key.js offers: a door to the API -------------------------------------------------------------------

export const hasKey = () => false;
export const refusal = () => null;
export const prepareKey = () => {};

/** Answer as the server's API does. */
export async function post(path, document) {
  const single = path.endsWith("/explain");
  const found = (single ? [document] : document).map((given, number) => checked(given, single ? [] : [number]));
  const detail = found.flatMap(({ errors }) => errors);
  if (detail.length) return answer(422, { detail });
  const rows = found.map(({ row }) => row);
  const scores = await score(rows);
  const unknown = scores.flatMap((each, number) => (each.some(Number.isNaN) ? [number] : []));
  // A release refuses such a row: a feature function raises an error, as for a division by zero.
  if (unknown.length) return answer(422, { detail: unknown.map((number) => ({ loc: ["body", ...(single ? [] : [number])], msg: "A feature cannot be computed for this row" })) });
  const made = described(scores);
  return answer(200, single ? { ...made, explanation: await explained(rows[0]) } : made);
}
