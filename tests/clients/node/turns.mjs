// What the programs for Node share: what is said, how it sounds, and the report. As in turns.py.

const RATE = 24_000;
const PATIENCE_MS = 60_000;

export const GREETING = "good morning";
export const GREETED = "I heard: good morning.";
export const STORY = "a story please";
export const FORECAST = "the weather in london please";
export const WEATHER = "It is foggy.";
export const FORECAST_GIVEN = "In London: It is foggy.";

/** The samples of a greeted answer: the mock speaks 60 ms for each character. */
export const GREETED_SAMPLES = (GREETED.length * 60 * RATE) / 1000;

function tone(ms) {
  const sample = (_, number) => Math.round(8_000 * Math.sin(((600 * Math.PI) / RATE) * number));
  return Int16Array.from({ length: (ms * RATE) / 1000 }, sample);
}

function silence(ms) {
  return new Int16Array((ms * RATE) / 1000);
}

function joined(...pieces) {
  return Int16Array.from(pieces.flatMap((piece) => [...piece]));
}

/** The beginning of a turn: mono int16. */
export const SPEECH = joined(silence(320), tone(500));
/** The end of a turn, long enough for `semantic_vad`. */
export const PAUSE = silence(4_500);

/** Events as they come, and those who wait for one. */
export class Received {
  #events = [];
  #waiting = new Set();

  add(event) {
    this.#events.push(event);
    for (const look of [...this.#waiting]) look();
  }

  /** All events of this type. */
  of(type) {
    return this.#events.filter((event) => event.type === type);
  }

  /** The `count`th event of this type, as soon as it has come. */
  async event(type, count = 1) {
    while (this.of(type).length < count) await this.#next();
    return this.of(type)[count - 1];
  }

  #next() {
    return new Promise((resolve) => {
      const look = () => {
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }
}

/** Take the turns with the server whose base URL is on the command line; write one line of JSON. */
export async function run(client, version, turns) {
  const report = { client, version, passed: [], failed: {}, unknown: [], complaints: [] };
  const sighting = { unknown: new Set(), complaints: report.complaints };
  for (const [name, turn] of Object.entries(turns)) {
    try {
      await withPatience(turn(process.argv[2], sighting));
      report.passed.push(name);
    } catch (error) {
      console.error(error);
      report.failed[name] = `${error}`;
    }
  }
  report.unknown = [...sighting.unknown].sort();
  console.log(JSON.stringify(report));
  process.exit(report.passed.length === Object.keys(turns).length ? 0 : 1);
}

async function withPatience(turn) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the turn does not end")), PATIENCE_MS);
  });
  try {
    await Promise.race([turn, late]);
  } finally {
    clearTimeout(timer);
  }
}
