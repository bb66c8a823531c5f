// The reference client of the beta's days, which is on GitHub alone. It throws at what it lacks.
//
// It takes the URL that it is given only where there is a global WebSocket, as in Node from 22 on.
// It cancels what the server has cancelled already: one complaint about that is as it should be.

import assert from "node:assert/strict";

import { RealtimeClient } from "@openai/realtime-api-beta";

import {
  FORECAST,
  GREETED,
  GREETED_SAMPLES,
  GREETING,
  PAUSE,
  Received,
  run,
  SPEECH,
  STORY,
  WEATHER,
} from "../turns.mjs";

const COMMIT = "a5cb948";
const HEARD_SAMPLES = 2_400;
const VAD = {
  turn_detection: { type: "server_vad" },
  input_audio_transcription: { model: "whisper-1" },
};

const GET_WEATHER = {
  name: "get_weather",
  description: "Look up the weather for a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

/** Events that it lets pass without doing anything. */
const IGNORED = new Set([
  "session.created",
  "session.updated",
  "input_audio_buffer.committed",
  "response.content_part.done",
  "response.function_call_arguments.done",
  "response.audio.done",
  "response.audio_transcript.done",
  "response.text.done",
  "response.done",
  "rate_limits.updated",
  "conversation.created",
]);

/** The client, connected; the server's errors are complaints. */
async function connected(url, sighting, session = {}) {
  const address = `${url.replace("http", "ws")}/realtime`;
  const client = new RealtimeClient({ url: address, apiKey: "none" });
  const received = new Received();
  const known = new Set([...Object.keys(client.conversation.EventProcessors), ...IGNORED]);
  client.on("realtime.event", ({ source, event }) => {
    if (source !== "server") return;
    if (event.type === "error") sighting.complaints.push(event.error.message);
    else if (!known.has(event.type)) sighting.unknown.add(event.type);
    received.add(event);
  });
  client.updateSession(session);
  await client.connect();
  await client.waitForSessionCreated();
  return { client, received };
}

function say(client, text) {
  client.sendUserMessageContent([{ type: "input_text", text }]);
}

/** The newest message of the assistant, as the client has it. */
function answer(client) {
  return client.conversation.getItems().findLast(({ role }) => role === "assistant").formatted;
}

async function written(url, sighting) {
  const { client, received } = await connected(url, sighting, { modalities: ["text"] });
  say(client, GREETING);
  await received.event("response.done");
  assert.equal(answer(client).text, GREETED);
  client.disconnect();
}

async function spoken(url, sighting) {
  const { client, received } = await connected(url, sighting, VAD);
  client.appendInputAudio(SPEECH);
  client.appendInputAudio(PAUSE);
  await received.event("response.done");
  await received.event("conversation.item.input_audio_transcription.completed");
  const [question] = client.conversation.getItems();
  assert.equal(question.formatted.transcript, GREETING);
  assert.ok(question.formatted.audio.length > 0);
  assert.equal(answer(client).transcript, GREETED);
  assert.equal(answer(client).audio.length, GREETED_SAMPLES);
  client.disconnect();
}

async function called(url, sighting) {
  const { client, received } = await connected(url, sighting, { modalities: ["text"] });
  client.addTool(GET_WEATHER, () => WEATHER);
  say(client, FORECAST);
  await received.event("response.done", 2);
  // It gives the result as JSON: a string in quotes, of which the mock makes a sentence.
  assert.match(answer(client).text, /^In London.*foggy/i);
  client.disconnect();
}

async function interrupted(url, sighting) {
  const { client, received } = await connected(url, sighting, VAD);
  say(client, STORY);
  const { item_id } = await received.event("response.audio.delta");
  client.appendInputAudio(SPEECH);
  await received.event("input_audio_buffer.speech_started");
  client.cancelResponse(item_id, HEARD_SAMPLES);
  const { audio_end_ms } = await received.event("conversation.item.truncated");
  assert.equal(audio_end_ms, (HEARD_SAMPLES / 24_000) * 1000);
  assert.equal((await received.event("response.done")).response.status, "cancelled");
  client.appendInputAudio(PAUSE);
  assert.equal((await received.event("response.done", 2)).response.status, "completed");
  client.disconnect();
}

const turns = { text: written, spoken, tool: called, "barge-in": interrupted };
await run("openai-realtime-api-beta (GitHub)", COMMIT, turns);
