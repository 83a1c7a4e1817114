/** A room's conversation written into a real Y.Doc, as people and the assistant write it. For tests and dev/panel.html. */
import * as Y from 'yjs';

export const setEntry = (doc: Y.Doc, root: string, id: string, fields: object): Y.Map<unknown> => {
  const entry = new Y.Map<unknown>(Object.entries(fields));
  doc.getMap(root).set(id, entry);
  return entry;
};

export interface Asked {
  id: string;
  body: string;
  at: number;
  status?: string;
  by?: string;
  byName?: string;
  /** Further fields of the run. */
  run?: object;
  context?: object;
}

/** A person asks: the message `<id>.p` and the run `<id>` in one transaction. */
export function ask(doc: Y.Doc, { id, body, at, status = 'queued', by = 'u-mina', ...rest }: Asked): void {
  doc.transact(() => {
    setEntry(doc, 'messages', `${id}.p`, {
      thread: 'main',
      role: 'user',
      by,
      by_name: rest.byName ?? 'Mina',
      at,
      run: id,
      body,
      context: rest.context ?? { selection: [] },
    });
    setEntry(doc, 'runs', id, {
      thread: 'main',
      prompt: `${id}.p`,
      agent: 'assistant',
      asked_by: by,
      at,
      status,
      ...rest.run,
    });
  });
}

/** The assistant makes a shape: the shape and its call in one transaction. */
export function create(
  doc: Y.Doc,
  run: string,
  seq: number,
  fields: Record<string, unknown>,
  call: object = {},
): string {
  const cid = `${run}.${seq}`;
  const shape = `${cid}.0`;
  doc.transact(() => {
    setEntry(doc, 'shapes', shape, fields);
    setEntry(doc, 'calls', cid, {
      run,
      seq,
      tool: 'create',
      args: '{}',
      status: 'done',
      changes: { [shape]: Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, [null, v]])) },
      created: [shape],
      output: '{"ok":true}',
      at: seq,
      ms: 400,
      ...call,
    });
  });
  return shape;
}

/** Any call without an effect of its own. */
export function call(doc: Y.Doc, run: string, seq: number, fields: object): void {
  setEntry(doc, 'calls', `${run}.${seq}`, {
    run,
    seq,
    args: '{}',
    status: 'done',
    changes: {},
    at: seq,
    ms: 300,
    ...fields,
  });
}
