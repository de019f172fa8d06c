// Tables as CSV files (RFC 4180).

/** A cell; in quotes if anything in it means something to a reader of such files. */
function cell(value) {
  const text = String(value ?? '');
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A file of these rows. */
export function csv(rows) {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
