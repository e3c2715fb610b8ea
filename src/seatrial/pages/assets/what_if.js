// Draws how the prediction changes when one number goes over its range in training, and all else stays as it is.

import { amount, debounce, figures, find, make, model, percent, regression, valueText, withUnit } from "./shared.js";
import { NotPredicted, predictRows } from "./rows.js";

const POINTS = 41; // so few rows are answered without a thread of their own
const DRAW_AFTER = 150; // milliseconds after the last prediction
const NARROWEST = 280; // pixels, as all lengths here
const HEIGHT = 250;
const MARGIN = { top: 26, right: 12, bottom: 40 };
const LETTER = 7; // mean width of a letter
const ROWS_TOLD = 9; // of the table for screen readers

const select = make("select", "");
const picture = make("div", "picture");
const caption = make("p", "small soft");
const told = make("div", "away");
let numbers = [];
let latest; // {row, answer}
let pending;

/** Begin with the numbers that may be varied, the most important first. */
export function open(fields, row, answer) {
  if (!numbers.length) {
    numbers = fields;
    select.append(...fields.map(({ name, title }) => new Option(title, name)));
    select.id = "what-if-column";
    const label = make("label", "small", "The prediction for other values of ");
    label.htmlFor = select.id;
    select.addEventListener("change", draw);
    find("curve").replaceChildren(make("p", "choice", label, select), picture, caption, told);
  }
  showRow(row, answer);
}

/** Draw again for another row. */
export function showRow(row, answer) {
  latest = { row, answer };
  if (answer && find("what-if").firstElementChild.open) drawSoon();
}

const drawSoon = debounce(DRAW_AFTER, draw);

async function draw() {
  pending?.abort();
  const mine = (pending = new AbortController());
  const field = numbers.find(({ name }) => name === select.value);
  const { row, answer } = latest;
  const asked = valuesOf(field, row[field.name]);
  try {
    const items = await predictRows(asked.map((value) => ({ ...row, [field.name]: value })), mine.signal);
    const measure = measureOf(answer);
    const points = asked.flatMap((x, place) => (items[place].problems ? [] : [{ x, y: measure.of(items[place]) }]));
    if (mine === pending) show(field, row[field.name], points, measure);
  } catch (error) {
    if (mine !== pending) return;
    if (!(error instanceof NotPredicted)) throw error;
    picture.replaceChildren();
    caption.textContent = error.message;
  }
}

/** Values over the training range, and the row's own. */
function valuesOf({ range: [low, high], type }, own) {
  const even = Array.from({ length: POINTS }, (_, place) => low + ((high - low) * place) / (POINTS - 1));
  const values = type === "integer" ? even.map(Math.round) : even;
  if (typeof own === "number" && own >= low && own <= high) values.push(own);
  return [...new Set(values)].sort((a, b) => a - b);
}

/** What is drawn: the number, the probability of the positive class, or that of the class predicted now. */
function measureOf({ predictions: [label] }) {
  if (regression) return { name: model.target, of: ({ prediction }) => prediction, text: amount, tick: figures };
  const key = model.task === "binary" ? String(model.positive) : String(label);
  const { alone } = model.classes.find(({ value }) => String(value) === key);
  return {
    name: `probability of “${alone}”`,
    of: ({ probabilities }) => probabilities[key],
    text: percent,
    tick: percent,
    line: model.task === "binary" ? model.threshold : undefined,
  };
}

function show(field, own, points, measure) {
  if (points.length < 2) {
    picture.replaceChildren();
    told.replaceChildren();
    caption.textContent = `The model accepts no other values of ${field.title} with the rest of this row.`;
    return;
  }
  const inUnit = (x) => withUnit(valueText(x), field.unit);
  const now = points.find(({ x }) => x === own);
  const heights = points.map(({ y }) => y);
  const least = points[heights.indexOf(Math.min(...heights))];
  const most = points[heights.indexOf(Math.max(...heights))];
  const flat = measure.text(least.y) === measure.text(most.y);
  const extent = flat
    ? `stays at ${measure.text(least.y)}`
    : `is lowest, ${measure.text(least.y)}, at ${inUnit(least.x)} and highest, ${measure.text(most.y)}, at ${inUnit(most.x)}`;
  const here = now ? ` The dot is this row, at ${inUnit(own)}.` : own === null ? " This row has no value." : "";
  const [first, last] = [points[0].x, points.at(-1).x];
  caption.textContent = `From ${inUnit(first)} to ${inUnit(last)}, the range in training, the ${measure.name} ${extent}, if all else stays as it is.${here}`;
  picture.replaceChildren(drawing(field, points, now, measure, caption.textContent));
  told.replaceChildren(table(field, points, measure, inUnit));
}

/** The same as a short table, for readers who do not see the curve. */
function table(field, points, measure, inUnit) {
  const step = Math.max(1, Math.round((points.length - 1) / (ROWS_TOLD - 1)));
  const rows = points
    .filter((_, place) => place % step === 0 || place === points.length - 1)
    .map(({ x, y }) => make("tr", "", make("td", "", inUnit(x)), make("td", "", measure.text(y))));
  const head = make("tr", "", make("th", "", field.title), make("th", "", measure.name));
  return make("table", "", make("thead", "", head), make("tbody", "", ...rows));
}

// ---- The drawing ---------------------------------------------------------------------------------------------------

function svg(tag, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(text);
  return element;
}

function drawing(field, points, now, measure, described) {
  const width = Math.max(picture.clientWidth, NARROWEST);
  const heights = [...points.map(({ y }) => y), ...(measure.line === undefined ? [] : [measure.line])];
  const [low, high] = regression ? margins(Math.min(...heights), Math.max(...heights)) : [0, 1];
  const yTicks = regression ? ticks(low, high) : [0, 0.25, 0.5, 0.75, 1];
  const left = Math.max(...yTicks.map((tick) => measure.tick(tick).length)) * LETTER + 12;
  const [first, last] = [points[0].x, points.at(-1).x];
  const x = (value) => left + ((width - left - MARGIN.right) * (value - first)) / (last - first || 1);
  const y = (value) => MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - (value - low) / (high - low));
  const bottom = y(low);
  const marks = [svg("text", { x: 0, y: 12 }, regression ? withUnitInBrackets(measure.name, model.unit) : measure.name)];
  for (const tick of yTicks) {
    marks.push(svg("path", { class: "rule", d: `M${left} ${y(tick)}H${width - MARGIN.right}` }));
    marks.push(svg("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, measure.tick(tick)));
  }
  const across = ticks(first, last).filter((tick) => tick >= first && tick <= last);
  for (const tick of across) {
    const anchor = x(tick) < left + 14 ? "start" : x(tick) > width - 34 ? "end" : "middle";
    marks.push(svg("path", { class: "tick", d: `M${x(tick)} ${bottom}v4` }));
    marks.push(svg("text", { x: x(tick), y: bottom + 16, "text-anchor": anchor }, valueText(tick)));
  }
  const middle = (left + width - MARGIN.right) / 2;
  marks.push(svg("text", { x: middle, y: HEIGHT - 5, "text-anchor": "middle" }, withUnitInBrackets(cut(field.title), field.unit)));
  if (measure.line !== undefined) marks.push(svg("path", { class: "threshold", d: `M${left} ${y(measure.line)}H${width - MARGIN.right}` }));
  const path = points.map((point) => `${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join("L");
  marks.push(svg("path", { class: "curve", d: `M${path}` }));
  if (now) {
    marks.push(svg("path", { class: "here", d: `M${x(now.x)} ${y(now.y)}V${bottom}` }));
    marks.push(svg("circle", { class: "dot", cx: x(now.x), cy: y(now.y), r: 5 }));
  }
  const whole = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": described });
  whole.append(...marks);
  return whole;
}

const cut = (text) => (text.length > 48 ? `${text.slice(0, 47)}…` : text);
const withUnitInBrackets = (text, unit) => (unit ? `${text} (${unit})` : text);

function margins(low, high) {
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low - margin, high + margin];
}

/** About five multiples of 1, 2 or 5 times a power of ten within a range: as pages/charts.py does. */
function ticks(low, high, count = 5) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}
