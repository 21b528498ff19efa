// How an account is, in a word and a headline, and what somebody should know of it.

import { capital, duration, many, number } from "./words.js";

const STREAMS_TOLD = 2;

export function stateOf(account, away) {
  const picture = account.picture;
  if (away) return { word: "Broker away", level: "bad" };
  if (picture.lost_data) return { word: "Data lost", level: "bad" };
  if (picture.outage) return { word: "Outage", level: "bad" };
  if (!picture.workers.length) return { word: "No worker", level: picture.pending ? "bad" : "warn" };
  if (picture.pauses.some((pause) => pause.scope === "account")) return { word: "Paused", level: "warn" };
  if (picture.pauses.length) return { word: "Partly paused", level: "warn" };
  if (picture.pending + picture.in_flight) return { word: "Delivering", level: "busy" };
  return { word: "Idle", level: "good" };
}

export function headlineOf(account, away) {
  const picture = account.picture;
  if (away) return `The broker can't be reached, for ${duration(away.for_s * 1000)} now`;
  if (isCalm(picture)) {
    return picture.ledger.accepted ? "Everything is delivered" : "Nothing has been put yet";
  }
  return capital(picture.new_jobs[0] ?? "");
}

const isCalm = ({ pending, in_flight: inFlight, waiting, delayed }) => !(pending + inFlight + waiting + delayed);

// The rest of the forecast.
export function forecastOf(account, away) {
  if (away) return "Sales are kept in the spool until it is back. What is shown here is what was seen last.";
  const picture = account.picture;
  const [first, ...rest] = picture.new_jobs;
  if (isCalm(picture)) return capital(first ?? "");
  const isHeldUp = picture.streams.length > 0 && picture.streams.every((stream) => stream.in_s === null);
  if (isHeldUp) {
    const delayed = picture.delayed ? `, ${number(picture.delayed)} delayed` : "";
    return `${many(picture.pending, "job")} held up${delayed}`;
  }
  const largest = picture.streams.toSorted((one, other) => other.pending - one.pending).slice(0, STREAMS_TOLD);
  return [...largest.map((stream) => `${stream.name} ${stream.expected}`), ...rest].map(capital).join(" · ");
}

export function noticesOf(account, away) {
  const { picture, spool } = account;
  const notices = [];
  const tell = (key, level, title, text, scope) => notices.push({ key, level, title, text, scope });
  if (away) tell("away", "bad", "Broker away", `${capital(away.why)}`);
  if (picture) {
    if (picture.lost_data) tell("lost", "bad", "Data lost", `${capital(picture.lost_data)}.`);
    const outagePause = picture.pauses.find((pause) => pause.cause === "outage");
    if (picture.outage) {
      const paused = outagePause ? ` ${capital(outagePause.sentence)}.` : "";
      tell("outage", "bad", "Outage", `${capital(picture.outage)}.${paused}`, outagePause?.scope);
    }
    if (!picture.workers.length) {
      tell("workers", picture.pending ? "bad" : "warn", "No worker", "Nobody is at work: nothing is sent.");
    }
    for (const pause of picture.pauses) {
      if (picture.outage && pause === outagePause) continue;
      const level = pause.cause === "refused" ? "bad" : "warn";
      tell(`${pause.scope} ${pause.cause}`, level, "Paused", `${capital(pause.sentence)}.`, pause.scope);
    }
    if (picture.imbalance) {
      const by = `The ledger is off by ${number(picture.imbalance)}`;
      tell("imbalance", "bad", "Ledger", `${by}: a defect of the relay, please report it.`);
    }
  }
  if (spool.error) tell("spool", "bad", "Spool", capital(spool.error));
  if (spool.puts) {
    const held = `${many(spool.puts, "put")} with ${many(spool.jobs, "job")}`;
    tell("spool", "warn", "Spool in use", `This host keeps ${held} until the broker takes them.`);
  }
  if (spool.refused_puts) {
    const held = `${many(spool.refused_puts, "spooled put")} refused by the broker`;
    tell("refused", "bad", "Spool", `${held}; see: onport-relay spool status`);
  }
  return notices.sort((one, other) => (one.level === "bad" ? 0 : 1) - (other.level === "bad" ? 0 : 1));
}
