// Reads and writes CSV as people's spreadsheets do. Pure functions; a message in NotRead is for a person.

export class NotRead extends Error {}

/** Decode a file's bytes: UTF-8, UTF-16 with its mark, or else Windows' western European encoding. */
export function decode(bytes) {
  const starts = (...marks) => marks.every((mark, place) => bytes[place] === mark);
  if (starts(0x50, 0x4b, 3, 4)) throw new NotRead("This is a workbook or a zip file. Save the table as CSV, and choose that file.");
  if (starts(0xff, 0xfe)) return new TextDecoder("utf-16le").decode(bytes);
  if (starts(0xfe, 0xff)) return new TextDecoder("utf-16be").decode(bytes);
  if (bytes.subarray(0, 4096).includes(0)) throw new NotRead("This is not a text file. Choose a CSV file.");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Split a text into {line, cells}; quoted cells may contain separators, quotes and line breaks. */
export function parse(text, separator) {
  const records = [];
  let cells = [];
  let place = 0;
  let line = 1;
  let began = 1;
  const end = () => {
    if (cells.length > 1 || cells[0] !== "") records.push({ line: began, cells }); // empty lines are skipped
    cells = [];
    began = line;
  };
  while (place < text.length) {
    let cell = "";
    if (text[place] === '"') {
      const opened = line;
      for (;;) {
        const close = text.indexOf('"', place + 1);
        if (close < 0) throw new NotRead(`The quote that opens in line ${opened} is never closed.`);
        cell += text.slice(place + 1, close);
        place = close + 1;
        if (text[place] !== '"') break;
        cell += '"';
      }
      line += cell.split("\n").length - 1;
      if (place < text.length && !["\n", "\r", separator].includes(text[place])) {
        throw new NotRead(`Line ${line}: there is text after a closing quote.`);
      }
    } else {
      const start = place;
      while (place < text.length && text[place] !== separator && text[place] !== "\n" && text[place] !== "\r") place++;
      cell = text.slice(start, place);
    }
    cells.push(cell);
    if (text[place] === separator) {
      if (++place === text.length) cells.push("");
      continue;
    }
    if (place < text.length) {
      place += text.startsWith("\r\n", place) ? 2 : 1;
      line++;
    }
    end();
  }
  if (cells.length) end();
  return records;
}

/** Read a table; of the usual separators, the right one finds the most known columns in the header. */
export function readTable(text, known) {
  const named = /^sep=(.)\r?\n/.exec(text); // a line of Excel's
  const body = named ? text.slice(named[0].length) : text;
  const matches = (separator) => {
    const header = parse(body.slice(0, body.search(/\r|\n|$/)), separator)[0]?.cells ?? [];
    return header.filter((name) => known.has(name.trim())).length;
  };
  let separator = named?.[1];
  if (!separator) {
    const tried = [",", ";", "\t", "|"].map((each) => [each, countOrZero(matches, each)]);
    separator = tried.reduce((best, each) => (each[1] > best[1] ? each : best))[0];
  }
  const [header, ...records] = parse(body, separator);
  if (!header || !records.length) throw new NotRead("The file has no rows below its header.");
  const columns = header.cells.map((name) => name.trim());
  const twice = columns.find((name, place) => columns.indexOf(name) !== place);
  if (twice !== undefined) throw new NotRead(`The file has two columns named “${twice}”. Rename one of them.`);
  if (named) for (const record of records) record.line++;
  return { columns, records, separator };
}

function countOrZero(matches, separator) {
  try {
    return matches(separator);
  } catch {
    return 0; // a header with a line break in quotes
  }
}

const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WITH_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;
const IN_DOUBT = /^[+-]?\d{1,3}[.,]\d{3}$/; // 1.234 may be a thousand, where commas are decimal marks

export class Doubt extends Error {}

/** Whether a file writes 1,5: its separator is no comma, and a cell cannot be a whole number with thousands. */
export function hasDecimalCommas(cells, separator) {
  if (separator === ",") return false;
  for (const cell of cells) if (WITH_COMMA.test(cell.trim()) && !IN_DOUBT.test(cell.trim())) return true;
  return false;
}

/** Read a number; undefined if it is none. Throws Doubt where it may be two. */
export function readNumber(cell, separator, decimalCommas) {
  const text = cell.trim();
  if (IN_DOUBT.test(text) && (decimalCommas ? text.includes(".") : text.includes(",") && separator !== ",")) {
    throw new Doubt(`Its ${text.includes(".") ? "point" : "comma"} may separate thousands or decimals`);
  }
  if (PLAIN.test(text)) return safe(Number(text));
  if (separator !== "," && WITH_COMMA.test(text)) return safe(Number(text.replace(",", ".")));
  return undefined;
}

const safe = (number) => (Number.isInteger(number) && !Number.isSafeInteger(number) && Math.abs(number) < 1e17 ? undefined : number);

const TRUE = new Set(["true", "yes", "y", "1", "t"]);
const FALSE = new Set(["false", "no", "n", "0", "f"]);

export function readBoolean(cell) {
  const word = cell.trim().toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined;
}

const FORMULA = /^[=+\-@\t\r＝＋－＠]/;
const NUMBER_LIKE = /^[+-]?[\d.,]+(e[+-]?\d+)?\s?%?$/i;

/** Whether a spreadsheet would run a cell as a formula. */
export const isFormula = (cell) => FORMULA.test(cell) && !NUMBER_LIKE.test(cell);

/** Write one record: {text, guarded}. A formula gets an apostrophe before it, and is counted. */
export function writeRecord(cells, separator) {
  let guarded = 0;
  const written = cells.map((cell) => {
    if (isFormula(cell)) guarded++;
    const text = isFormula(cell) ? `'${cell}` : cell;
    return text.includes(separator) || /[",;\t\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return { text: `${written.join(separator)}\n`, guarded };
}
