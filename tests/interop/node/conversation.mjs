// What a client sees of a conversation, told to the test: one JSON object per line on stdout.

import { readFileSync } from "node:fs";

const CHUNK_BYTES = 1920; // 40 ms of 24 kHz PCM

/** What the test asks for: `url`, `turn`, and what else the program wants. */
export const asked = JSON.parse(process.argv[2]);

/** Tell the test something, under a name. */
export function report(name, value) {
  process.stdout.write(`${JSON.stringify({ [name]: value })}\n`);
}

/** The pieces of a file of PCM, as a microphone would bring them. */
export function* recording(path) {
  const pcm = readFileSync(path);
  for (let start = 0; start < pcm.length; start += CHUNK_BYTES) {
    yield pcm.subarray(start, start + CHUNK_BYTES);
  }
}

/** The events that have come, each of them reported, and those who wait for one. */
export class Received {
  #events = [];
  #waiting = [];

  add(event) {
    report("event", event);
    this.#events.push(event);
    this.#waiting = this.#waiting.filter((waiter) => !this.#satisfies(waiter));
  }

  /** The event that is the `count`th of its type, as soon as it has come. */
  event(type, count = 1) {
    return new Promise((resolve) => {
      const waiter = { type, count, resolve };
      if (!this.#satisfies(waiter)) this.#waiting.push(waiter);
    });
  }

  #satisfies({ type, count, resolve }) {
    const found = this.#events.filter((event) => event.type === type)[count - 1];
    if (found) resolve(found);
    return found !== undefined;
  }
}
