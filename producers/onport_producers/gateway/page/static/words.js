// Numbers and times as people read them.

const numbers = new Intl.NumberFormat("en");

export const number = (value) => numbers.format(value);

export const many = (value, one, more = `${one}s`) => `${number(value)} ${value === 1 ? one : more}`;

// A rate, to a precision that somebody may want.
export function rate(value) {
  if (value >= 100) return number(Math.round(value));
  return String(Math.round(value * 10) / 10);
}

// In at most two units, e.g. "3 min 20 s".
export function duration(ms) {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400), Math.floor((seconds % 86_400) / 3600), Math.floor((seconds % 3600) / 60),
  ];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

// How long ago, without a second hand: it would only flicker.
export function ago(ms) {
  if (ms < 60_000) return ms < 5_000 ? "just now" : `${Math.floor(ms / 5_000) * 5} s ago`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 2_880 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1440)} d ago`;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
