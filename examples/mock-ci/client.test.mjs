// A client of the Realtime API against the mock, with nothing but Node 22: node --test
import assert from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

let mock;
let where;

before(async () => {
  const script = new URL("turns.yaml", import.meta.url).pathname;
  mock = spawn(process.env.VIVAVOCE ?? "vivavoce", ["mock", "--seed", "7", "--script", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface(mock.stdout), "line");
  where = JSON.parse(line);
});

after(async () => {
  mock.kill("SIGTERM");
  await once(mock, "exit");
});

// The code under test: asks for the weather, and calls the tool that it is told to call.
async function weather(city, getWeather) {
  const socket = new WebSocket(`${where.ws_url}?model=any`, ["realtime"]);
  const send = (event) => socket.send(JSON.stringify(event));
  const ask = { type: "response.create", response: { output_modalities: ["text"] } };
  const parameters = { type: "object", properties: { city: { type: "string" } } };
  const tools = [{ type: "function", name: "get_weather", parameters }];
  try {
    return await new Promise((resolve, reject) => {
      socket.onerror = () => reject(new Error("the connection failed"));
      socket.onopen = () => {
        const text = `What is the weather in ${city}?`;
        const content = [{ type: "input_text", text }];
        send({ type: "session.update", session: { type: "realtime", tools } });
        send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
        send(ask);
      };
      socket.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === "error") reject(new Error(event.error.message));
        if (event.type === "response.output_text.done") resolve(event.text);
        if (event.type === "response.function_call_arguments.done") {
          const output = getWeather(JSON.parse(event.arguments));
          const item = { type: "function_call_output", call_id: event.call_id, output };
          send({ type: "conversation.item.create", item });
          send(ask);
        }
      };
    });
  } finally {
    socket.close();
  }
}

// The first connection is the one that turns.yaml gives an error to.
test("an error of the server ends the question", async () => {
  await assert.rejects(weather("Rome", () => "sunny"), /The server had an error/);
});

test("the tool is called, and its result is told", async () => {
  const answer = await weather("Rome", ({ city }) => (city === "Rome" ? "sunny" : "unknown"));
  assert.equal(answer, "In Rome it is sunny.");
});
