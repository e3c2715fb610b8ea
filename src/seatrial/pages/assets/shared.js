// What all scripts of the prediction page share: the model's facts, elements, and numbers as people read them.

export const find = (id) => document.getElementById(id);
export const model = JSON.parse(find("row").dataset.model);
export const regression = model.task === "regression";

/** Make an element; children are text or elements. */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Debounce: make a function that runs `act` after a pause without further calls; `.stop()` cancels it. */
export function debounce(milliseconds, act) {
  let timer;
  const debounced = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(act, milliseconds, ...args);
  };
  debounced.stop = () => clearTimeout(timer);
  return debounced;
}

// ---- Numbers and text ----------------------------------------------------------------------------------------------

export const UNKNOWN = "unknown";
export const NBSP = "\u00a0";
export const format = (value, options) => new Intl.NumberFormat("en", options).format(value).replace("-", "−");
export const figures = (value, signDisplay = "auto") =>
  format(value, {
    ...shape(Math.abs(value)),
    signDisplay,
  });

/** Whole numbers from 1,000 upwards, four digits below, and a power of ten at both ends. */
function shape(size) {
  if (size >= 1e12 || (size > 0 && size < 1e-5)) return { notation: "scientific", maximumSignificantDigits: 4 };
  return size >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 };
}

/** Format a probability: whole percents, one decimal near the ends, never a false 0 or 100. */
export function percent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.1) return `<${NBSP}0.1${NBSP}%`;
  if (value < 100 && value > 99.9) return `>${NBSP}99.9${NBSP}%`;
  const fine = (value > 0 && value < 1) || (value > 99 && value < 100);
  return `${format(value, { maximumFractionDigits: fine ? 1 : 0 })}${NBSP}%`;
}

const TENTH = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
export const exact = (value) => (regression ? amount(value) : `${format(value * 100, TENTH)}${NBSP}%`);
export const change = (value) =>
  regression ? withUnit(figures(value, "exceptZero"), isCurrency(model.unit) ? model.unit : "") : format(value * 100, { ...TENTH, signDisplay: "exceptZero" });

const sizeOf = (size) => (size >= 1e5 && size < 1e15 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 6 });

export function valueText(value) {
  if (value === null || value === "") return UNKNOWN;
  if (value === true) return "yes";
  if (value === false) return "no";
  if (typeof value === "number")
    return format(value, { ...sizeOf(Math.abs(value)), useGrouping: Math.abs(value) >= 10000 }); // a smaller one may be a year
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

export const isCurrency = (unit) => /^\p{Sc}$/u.test(unit);
export const withUnit = (text, unit) => {
  if (!unit || text === UNKNOWN) return text;
  return isCurrency(unit) ? text.replace(/^[+−]?/, `$&${unit}`) : `${text}${NBSP}${unit}`;
};

/** A number of the target, with its unit. */
export const amount = (value) => withUnit(figures(value), model.unit);

