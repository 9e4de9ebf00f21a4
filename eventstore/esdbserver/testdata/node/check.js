// What the official Node client makes of esdbserver. Usage: node check.js CONNECTION [batch|classic]
// Prints a line for each check: "ok NAME" or "not ok NAME: WHY".
"use strict";
const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const esdb = require("@eventstore/db-client");

const { START, END, FORWARDS, BACKWARDS, ANY, NO_STREAM, STREAM_EXISTS, jsonEvent, binaryEvent } = esdb;
const [connection, mode] = process.argv.slice(2);
const client = esdb.EventStoreDBClient.connectionString(connection);
const patience = 30_000;

let streams = 0;
const newStream = (prefix = "node") => `${prefix}-${process.pid}-${++streams}`;
const event = (n, type = "SomethingHappened") => jsonEvent({ id: randomUUID(), type, data: { n }, metadata: { by: "node" } });
const events = (count, type) => Array.from({ length: count }, (_, n) => event(n, type));
const collect = async (reading) => {
  const all = [];
  for await (const { event } of reading) all.push(event);
  return all;
};
const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: nothing within ${patience} ms`)), patience); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
const refused = async (promise, type) => {
  try {
    await within(promise, type.name);
  } catch (error) {
    assert.ok(error instanceof type, `${error.constructor.name} (${error.message}), want ${type.name}`);
    return error;
  }
  assert.fail(`was accepted, want ${type.name}`);
};
// take gathers count events of a subscription, and what it said between.
const take = (subscription, count, caughtUps = 0) => within(new Promise((resolve, reject) => {
  const got = [];
  const said = [];
  let live = 0;
  const enough = () => { if (got.length >= count && live >= caughtUps) resolve({ got, said }); };
  subscription.on("confirmation", () => said.push("confirmation"));
  subscription.on("caughtUp", () => { said.push("caughtUp"); live++; enough(); });
  subscription.on("data", ({ event }) => { got.push(event); said.push("event"); enough(); });
  subscription.on("error", reject);
  enough();
}), "subscription");

const checks = {
  async "appends with every expected revision"() {
    const s = newStream();
    const first = await client.appendToStream(s, events(3), { expectedRevision: NO_STREAM });
    assert.equal(first.nextExpectedRevision, 2n);
    assert.ok(first.position.commit > 0n && first.position.commit === first.position.prepare);
    const second = await client.appendToStream(s, event(3), { expectedRevision: 2n });
    assert.equal(second.nextExpectedRevision, 3n);
    assert.ok(second.position.commit > first.position.commit);
    assert.equal((await client.appendToStream(s, event(4), { expectedRevision: ANY })).nextExpectedRevision, 4n);
    assert.equal((await client.appendToStream(s, event(5), { expectedRevision: STREAM_EXISTS })).nextExpectedRevision, 5n);
    assert.equal((await client.appendToStream(newStream(), event(0), { expectedRevision: ANY })).nextExpectedRevision, 0n);
  },
  async "refuses wrong revisions and tells both"() {
    const s = newStream();
    await client.appendToStream(s, events(3));
    for (const [expectedRevision, stream, actual] of [[NO_STREAM, s, 2n], [0n, s, 2n], [7n, s, 2n], [0n, newStream(), "no_stream"], [STREAM_EXISTS, newStream(), "no_stream"]]) {
      const error = await refused(client.appendToStream(stream, event(0), { expectedRevision }), esdb.WrongExpectedVersionError);
      assert.equal(error.streamName, stream);
      assert.equal(error.expectedVersion, expectedRevision);
      assert.equal(error.actualVersion, actual);
    }
  },
  async "answers repeats like the first time"() {
    const s = newStream();
    const some = events(2);
    const first = await client.appendToStream(s, some, { expectedRevision: NO_STREAM });
    await client.appendToStream(s, event(9), { expectedRevision: 1n });
    const again = await client.appendToStream(s, some, { expectedRevision: NO_STREAM });
    assert.deepEqual(again, first);
    await refused(client.appendToStream(s, [some[0], event(1)], { expectedRevision: NO_STREAM }), esdb.WrongExpectedVersionError);
    assert.equal((await collect(client.readStream(s))).length, 3);
  },
  async "carries out a hundred appends at once"() {
    const streams = Array.from({ length: 10 }, () => newStream());
    const all = [];
    for (let n = 0; n < 100; n++) all.push(client.appendToStream(streams[n % 10], event(n), { expectedRevision: ANY }));
    const wrong = refused(client.appendToStream(newStream(), event(0), { expectedRevision: 5n }), esdb.WrongExpectedVersionError);
    for (const answer of await within(Promise.all(all), "appends")) assert.equal(answer.success, true);
    await wrong;
    for (const [i, s] of streams.entries()) {
      const got = await collect(client.readStream(s));
      assert.equal(got.length, 10);
      if (mode === "batch") assert.deepEqual(got.map((e) => e.data.n), Array.from({ length: 10 }, (_, k) => k * 10 + i), "order of arrival");
    }
  },
  async "puts split appends together"() {
    const s = newStream();
    const large = events(8).map((e) => ({ ...e, data: { text: "x".repeat(100_000) } }));
    const answer = await within(client.appendToStream(s, large, { expectedRevision: NO_STREAM, batchAppendSize: 150_000 }), "split append");
    assert.equal(answer.nextExpectedRevision, 7n);
    assert.deepEqual((await collect(client.readStream(s))).map((e) => e.id), large.map((e) => e.id));
  },
  async "refuses what is too large, and goes on"() {
    const large = events(5).map((e) => ({ ...e, data: { text: "x".repeat(1_000_000) } }));
    const error = await refused(client.appendToStream(newStream(), large), esdb.MaxAppendSizeExceededError);
    assert.equal(Number(error.maxAppendSize), 1 << 20);
    await refused(client.appendToStream(newStream(), events(3000)), esdb.MaxAppendSizeExceededError);
    await client.appendToStream(newStream(), event(0));
  },
  async "keeps content as it was"() {
    const s = newStream();
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    const some = [
      jsonEvent({ id: randomUUID(), type: "Json", data: { text: "Wanjikũ 🇰🇪", list: [1, 2] }, metadata: { a: "b" } }),
      binaryEvent({ id: randomUUID(), type: "Binary", data: bytes, metadata: bytes }),
      binaryEvent({ id: randomUUID(), type: "LooksLikeJson", data: Buffer.from("123") }),
    ];
    await client.appendToStream(s, some);
    const got = await collect(client.readStream(s));
    assert.deepEqual(got.map((e) => e.id), some.map((e) => e.id));
    assert.deepEqual(got.map((e) => e.type), some.map((e) => e.type));
    assert.deepEqual(got.map((e) => e.isJson), [true, false, false]);
    assert.deepEqual(got[0].data, some[0].data);
    assert.deepEqual(got[0].metadata, { a: "b" });
    assert.deepEqual(Uint8Array.from(got[1].data), bytes);
    assert.deepEqual(Uint8Array.from(got[1].metadata), bytes);
    assert.equal(Buffer.from(got[2].data).toString(), "123");
    for (const e of got) {
      assert.equal(e.streamId, s);
      assert.ok(Math.abs(e.created - Date.now()) < 60_000, `created ${e.created}`);
      assert.ok(e.position === undefined || e.position.commit > 0n);
    }
  },
  async "reads streams both ways"() {
    const s = newStream();
    await client.appendToStream(s, events(40));
    const numbers = async (options) => (await collect(client.readStream(s, options))).map((e) => Number(e.revision));
    assert.deepEqual(await numbers({}), Array.from({ length: 40 }, (_, n) => n));
    assert.deepEqual(await numbers({ fromRevision: 38n }), [38, 39]);
    assert.deepEqual(await numbers({ fromRevision: 40n }), []);
    assert.deepEqual(await numbers({ maxCount: 1 }), [0]);
    assert.deepEqual(await numbers({ direction: BACKWARDS, fromRevision: END, maxCount: 2 }), [39, 38]);
    assert.deepEqual(await numbers({ direction: BACKWARDS, fromRevision: 1n }), [1, 0]);
    assert.deepEqual(await numbers({ direction: BACKWARDS, fromRevision: 100n, maxCount: 1 }), [39]);
    assert.deepEqual(await numbers({ direction: BACKWARDS, fromRevision: START }), [0]);
    await refused(collect(client.readStream(newStream())), esdb.StreamNotFoundError);
  },
  async "reads all both ways"() {
    const s = newStream();
    await client.appendToStream(s, events(5));
    const own = await collect(client.readStream(s));
    const all = await collect(client.readAll({ direction: FORWARDS, fromPosition: START }));
    for (let i = 1; i < all.length; i++) assert.ok(all[i].position.commit > all[i - 1].position.commit);
    const at = all.find((e) => e.id === own[2].id).position;
    const forward = await collect(client.readAll({ direction: FORWARDS, fromPosition: at, maxCount: 2 }));
    assert.deepEqual(forward.map((e) => e.id), [own[2].id, own[3].id], "inclusive");
    const backward = await collect(client.readAll({ direction: BACKWARDS, fromPosition: at, maxCount: 2 }));
    assert.deepEqual(backward.map((e) => e.id), [own[1].id, own[0].id], "exclusive");
    const last = await collect(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }));
    assert.equal(last[0].id, all.at(-1).id);
    assert.deepEqual(await collect(client.readAll({ direction: FORWARDS, fromPosition: END })), []);
    assert.deepEqual(await collect(client.readAll({ direction: BACKWARDS, fromPosition: START })), []);
  },
  async "subscribes to a stream"() {
    const s = newStream();
    await client.appendToStream(s, events(3));
    const all = client.subscribeToStream(s, { fromRevision: START });
    const after = client.subscribeToStream(s, { fromRevision: 1n });
    const atEnd = client.subscribeToStream(s, { fromRevision: END });
    const missing = newStream();
    const early = client.subscribeToStream(missing, { fromRevision: START });
    const started = Promise.all([take(all, 3, 1), take(after, 1, 1), take(atEnd, 0, 1), take(early, 0, 1)]);
    const [{ said }, { got: one }] = await started;
    assert.deepEqual(said, ["confirmation", "event", "event", "event", "caughtUp"]);
    assert.equal(one[0].revision, 2n);
    const live = Promise.all([take(all, 2), take(after, 2), take(atEnd, 2), take(early, 1)]);
    await client.appendToStream(s, events(2));
    await client.appendToStream(missing, event(0));
    for (const { got } of (await live).slice(0, 3)) assert.deepEqual(got.map((e) => Number(e.revision)), [3, 4]);
    for (const subscription of [all, after, atEnd, early]) await subscription.unsubscribe();
  },
  async "loses and repeats nothing when it goes live"() {
    const s = newStream();
    const count = 2000;
    let written = 0;
    const writing = (async () => {
      while (written < count) {
        await Promise.all(Array.from({ length: 50 }, () => client.appendToStream(s, event(written++))));
      }
    })();
    const subscription = client.subscribeToAll({ fromPosition: START, filter: esdb.streamNameFilter({ prefixes: [s] }) });
    const { got } = await take(subscription, count);
    await writing;
    assert.deepEqual(got.map((e) => Number(e.revision)), Array.from({ length: count }, (_, n) => n));
    await subscription.unsubscribe();
  },
  async "filters, and tells checkpoints"() {
    const s = newStream("filtered");
    await client.appendToStream(s, [...events(3, "Wanted"), ...events(300, "Unwanted"), ...events(3, "Wanted")]);
    const [{ event: last }] = await (async () => { const all = []; for await (const r of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })) all.push(r); return all; })();
    for (const filter of [
      esdb.eventTypeFilter({ prefixes: ["Nothing", "Wanted"] }),
      esdb.eventTypeFilter({ regex: "^Wan.ed$" }),
    ]) {
      const checkpoints = [];
      const subscription = client.subscribeToAll({
        fromPosition: START, filter: { ...filter, checkpointInterval: 1, maxSearchWindow: 32, checkpointReached: (_, position) => { checkpoints.push(position.commit); } },
      });
      const { got } = await take(subscription, 6, 1);
      assert.equal(got.length, 6);
      assert.ok(checkpoints.length >= 300 / 32, `${checkpoints.length} checkpoints`);
      for (let i = 1; i < checkpoints.length; i++) assert.ok(checkpoints[i] > checkpoints[i - 1], "checkpoints rise");
      assert.equal(checkpoints.at(-1), last.position.commit);
      await subscription.unsubscribe();
      // From a checkpoint in the middle: only what comes after it.
      const middle = checkpoints[Math.floor(checkpoints.length / 2)];
      const rest = client.subscribeToAll({ fromPosition: { commit: middle, prepare: middle }, filter });
      const resumed = await take(rest, 3, 1);
      assert.deepEqual(resumed.got.map((e) => e.id), got.filter((e) => e.position.commit > middle).map((e) => e.id));
      await rest.unsubscribe();
    }
    const users = client.subscribeToAll({ fromPosition: START, filter: esdb.excludeSystemEvents() });
    const { got } = await take(users, 306, 1);
    assert.ok(got.every((e) => !e.type.startsWith("$")));
    await users.unsubscribe();
    const bad = client.subscribeToAll({ fromPosition: START, filter: esdb.eventTypeFilter({ regex: "(?=lookahead)" }) });
    await refused(take(bad, 1), Error);
  },
  async "deletes keys of subjects, and nothing else"() {
    const s = newStream("subjectkey-node");
    await client.appendToStream(s, binaryEvent({ type: "Key", data: Buffer.from("first") }), { expectedRevision: NO_STREAM });
    const [before] = await collect(client.readStream(s));
    assert.equal(Buffer.from(before.data).toString(), "first");
    await client.appendToStream(s, binaryEvent({ type: "Key", data: Buffer.from("second") }), { expectedRevision: 0n });
    const all = await collect(client.readStream(s, { direction: BACKWARDS, fromRevision: END }));
    assert.equal(Buffer.from(all[0].data).toString(), "second");
    await refused(client.deleteStream(s, { expectedRevision: 0n }), esdb.WrongExpectedVersionError);
    assert.ok((await client.deleteStream(s, { expectedRevision: 1n })).position.commit > 0n);
    await refused(collect(client.readStream(s)), esdb.StreamNotFoundError);
    assert.equal((await client.appendToStream(s, binaryEvent({ type: "Key", data: Buffer.from("third") }), { expectedRevision: NO_STREAM })).nextExpectedRevision, 2n);
    assert.deepEqual((await collect(client.readStream(s))).map((e) => Buffer.from(e.data).toString()), ["third"]);
    const ledger = newStream();
    await client.appendToStream(ledger, event(0));
    await refused(client.deleteStream(ledger), Error);
    await refused(client.tombstoneStream(s), Error);
    assert.equal((await collect(client.readStream(ledger))).length, 1);
  },
  async "says that it has no system streams"() {
    await refused(client.setStreamMetadata(newStream(), { maxCount: 3 }), Error);
    await refused(client.appendToStream("$settings", event(0)), Error);
  },
};

(async () => {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`not ok ${name}: ${String(error && error.stack || error).replaceAll("\n", " | ")}`);
    }
  }
  await client.dispose();
  process.exit(0);
})();
