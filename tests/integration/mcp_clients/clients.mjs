// vault-mcp as the official clients see it. Run by mcp_sdk_test.py:
//
//   node clients.mjs PHASE VAULT_MCP ENDPOINT
//
// Once for each client and era: connects, and does what PHASE says. The clients check what the protocol demands of
// replies, structured content against output schemas included; here both are held against the schemas once more, by a
// validator in strict mode. Exit code 0 if all of it held.
import assert from 'node:assert/strict';

import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import Ajv2020 from 'ajv/dist/2020.js';

const [phase, command, endpoint] = process.argv.slice(2);
const server = { command, args: ['--endpoint', endpoint, '--timeout', '20s'], stderr: 'ignore' };
const info = { name: 'vault-mcp-test', version: '1' };
const names = ['vault_seal', 'vault_read', 'vault_list', 'vault_query', 'vault_verify', 'vault_proof'];
const hash = /^[0-9a-f]{64}$/;

const modern = (mode) => () =>
  [new ModernClient(info, { versionNegotiation: { mode } }), new ModernTransport(server)];
const eras = {
  'sdk 1, legacy': () => [new LegacyClient(info), new LegacyTransport(server)],
  'client 2, legacy': modern('legacy'),
  'client 2, negotiating': modern('auto'),
  'client 2, modern': modern({ pin: '2026-07-28' }),
};

// A client whose calls check the schemas of what goes in and comes out.
class Checked {
  static async connect(make) {
    const [client, transport] = make();
    await client.connect(transport);
    const checked = new Checked();
    checked.client = client;
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name), names);
    const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
    checked.schemas = new Map(
      tools.map((tool) => [tool.name, [ajv.compile(tool.inputSchema), ajv.compile(tool.outputSchema)]]));
    return checked;
  }

  async call(name, args = {}, options = undefined) {
    const [input, output] = this.schemas.get(name);
    assert.ok(input(args), JSON.stringify(input.errors));
    const result = this.client instanceof ModernClient
      ? await this.client.callTool({ name, arguments: args }, options)
      : await this.client.callTool({ name, arguments: args }, undefined, options);
    assert.ok(!result.isError, JSON.stringify(result.content));
    assert.ok(output(result.structuredContent), JSON.stringify(output.errors));
    assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
    assert.equal(result.content.length, 2);
    assert.ok(result.content[1].text.length > 0);
    return result.structuredContent;
  }

  async refused(name, args = {}) {
    const result = await this.client.callTool({ name, arguments: args });
    assert.equal(result.isError, true);
    assert.equal(result.structuredContent, undefined);
    return result.content[0].text;
  }
}

function drawSealId() {
  return crypto.randomUUID();
}

async function healthy(vault, era) {
  const seal_id = drawSealId();
  const seal = { session_id: era, authority: 'clients', verdict: 'SEAL', seal_id, seal_data: { n: [1, 0.5, null], é: '🔒' } };
  const receipt = await vault.call('vault_seal', seal);
  assert.equal(receipt.duplicate, false);
  assert.match(receipt.entry_hash, hash);
  assert.deepEqual(await vault.call('vault_seal', seal), { ...receipt, duplicate: true });
  assert.match(await vault.refused('vault_seal', { ...seal, verdict: 'VOID' }), /^seal_id_conflict: /);
  const signed = await vault.call('vault_seal', { ...seal, seal_id: drawSealId(), verdict: '888_HOLD', sign: true });
  assert.equal(signed.leaf_index, signed.sequence - 1);
  assert.ok(signed.checkpoint.includes('\n— '));

  for (const which of [{ sequence: receipt.sequence }, { sequence: String(receipt.sequence) }, { seal_id }]) {
    const { entry } = await vault.call('vault_read', which);
    assert.deepEqual(entry.seal_data, seal.seal_data);
    assert.equal(entry.entry_hash, receipt.entry_hash);
  }
  const session = await vault.call('vault_read', { session_id: era, limit: 1 });
  assert.deepEqual(session.entries.map((entry) => entry.sequence), [receipt.sequence]);
  const rest = await vault.call('vault_read', { session_id: era, cursor: session.next_cursor });
  assert.deepEqual(rest.entries.map((entry) => entry.sequence), [signed.sequence]);
  assert.equal(rest.next_cursor, null);

  const seen = [];
  for (let cursor = null; seen.length === 0 || cursor !== null;) {
    const page = await vault.call('vault_list', { limit: 2, order: 'asc', ...(cursor === null ? {} : { cursor }) });
    seen.push(...page.entries.map((entry) => entry.sequence));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen, seen.map((_, i) => i + 1));
  const holds = await vault.call('vault_query', { verdict: '888_HOLD', session_id: era, from: signed.timestamp });
  assert.deepEqual(holds.entries.map((entry) => entry.sequence), [signed.sequence]);

  const progress = [];
  const verified = await vault.call('vault_verify', {}, { onprogress: (update) => progress.push(update) });
  assert.equal(verified.valid, true);
  assert.equal(verified.checked, seen.length);
  assert.deepEqual(progress, []);  // it was fast
  const proof = await vault.call('vault_proof', { sequence: receipt.sequence, tree_size: signed.tree_size });
  assert.equal(proof.entry_hash, receipt.entry_hash);

  assert.match(await vault.refused('vault_read', { sequence: 1_000_000 }), /^not_found: /);
  assert.match(await vault.refused('vault_seal', { ...seal, seal_data: 'text' }), /^seal_data: must be an object$/);
  assert.match(await vault.refused('vault_read', { sequence: 1, extra: 2 }), /there is no argument "extra"/);
  await assert.rejects(vault.client.callTool({ name: 'vault_erase', arguments: {} }), { code: -32602 });
  const many = await Promise.all(Array.from({ length: 50 }, () => vault.call('vault_read', { seal_id })));
  assert.ok(many.every(({ entry }) => entry.sequence === receipt.sequence));
}

// Entry 1 has lost its payload, which nothing explains; entry 2 was tampered with as well.
async function tampered(vault) {
  const read = await vault.client.callTool({ name: 'vault_read', arguments: { sequence: 1 } });
  assert.equal(read.isError, true);
  assert.match(read.content[0].text, /^entry 1: payload is missing and nothing explains it/);
  const found = await vault.call('vault_verify');
  assert.deepEqual([found.valid, found.first_invalid_sequence, found.reason], [false, 1, 'erasure_unexplained']);
}

async function emergency(vault, era) {
  const seal = { session_id: era, authority: 'clients', verdict: 'SEAL', seal_data: {} };
  const receipt = await vault.call('vault_seal', seal);
  assert.equal(receipt.backend, 'legacy');
  const { entry } = await vault.call('vault_read', { seal_id: receipt.seal_id });
  assert.deepEqual([entry.backend, entry.sequence], ['legacy', undefined]);
  assert.ok((await vault.call('vault_list', { limit: 1 })).entries.length === 1);
  assert.match(await vault.refused('vault_verify'), /^unavailable: /);
  assert.match(await vault.refused('vault_proof', { sequence: 1 }), /^unavailable: /);
}

async function absent(vault) {
  const text = await vault.refused('vault_list');
  assert.match(text, /^unavailable: vaultd does not answer at .*Start vaultd/);
}

const phases = { healthy, tampered, emergency, absent };
for (const [era, make] of Object.entries(eras)) {
  const vault = await Checked.connect(make);
  await phases[phase](vault, era);
  await vault.client.close();
  console.log(`${phase}: ${era}: as it should be`);
}
