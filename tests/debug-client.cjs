// An editor as the tests of debug adapters that Microsoft publishes have it:
// debug-client.cjs CLIENT AZDS FOLDER SPACE SOURCE LINE URI

const assert = require('node:assert');

const [client, azds, folder, space, path, line, uri] = process.argv.slice(2);
const { DebugClient } = require(client);

// A service that just starts does not listen yet.
const asked = async () => {
  for (;;) {
    try {
      return await (await fetch(uri)).json();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};

const session = async () => {
  const editor = new DebugClient(azds, 'dap', 'azds');
  editor.defaultTimeout = 60_000;
  await editor.start();
  const configured = async () => {
    await editor.waitForEvent('initialized');
    const set = { source: { path }, breakpoints: [{ line: Number(line) }] };
    const { body } = await editor.setBreakpointsRequest(set);
    assert.equal(body.breakpoints[0].verified, true);
    await editor.configurationDoneRequest();
  };
  const attached = async () => {
    await editor.initializeRequest();
    await editor.attachRequest({ folder, space });
  };
  await Promise.all([configured(), attached()]);
  const stop = editor.waitForEvent('stopped');
  const answered = asked();
  const { threadId } = (await stop).body;
  const frames = await editor.stackTraceRequest({ threadId });
  const [frame] = frames.body.stackFrames;
  assert.deepEqual([frame.source.path, frame.line], [path, Number(line)]);
  const value = await editor.evaluateRequest({ expression: 'currency', frameId: frame.id });
  assert.equal(value.body.result, "'EUR'");
  await editor.continueRequest({ threadId });
  assert.equal((await answered).currency, 'EUR');
  await editor.stop();
};

session().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
