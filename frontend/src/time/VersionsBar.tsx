/** Versions of the board: a slider through them up to now, a name for now, and going back to one. */
import { useSignal } from '@preact/signals';
import { History, Pencil } from 'lucide-preact';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Editor } from '../editor';
import { ago, count, listed, moment } from '../panel/words';
import { Bar } from './Bar';
import { type Difference, difference, type Shapes, shapesOf } from './moments';
import { nameOf } from './people';
import {
  type Deed,
  keepVersion,
  listDeeds,
  listVersions,
  renameVersion,
  restoreVersion,
  shapesOfVersion,
  type Version,
} from './server';

const LONGEST_NAME = 80;
/** A slider that is pulled passes many versions; each is a whole document to fetch. */
const SETTLED_MS = 120;

export interface VersionsProps {
  editor: Editor;
  /** Draws a moment with frames around these shapes; null = the board as it is now. */
  show: (shapes: Shapes | null, marked: readonly string[]) => void;
  close: () => void;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const titleOf = ({ name, isAutomatic }: Version): string => name || (isAutomatic ? 'Automatic version' : 'Version');

/** "2 made, 1 changed". */
function summary({ made, changed, removed }: Difference): string {
  const parts = [
    ...(made.length ? [`${made.length} made`] : []),
    ...(changed.length ? [`${changed.length} changed`] : []),
    ...(removed.length ? [`${removed.length} deleted`] : []),
  ];
  return parts.join(', ') || 'Nothing drawn or changed';
}

/** The name as a field in the place of the title: Enter and leaving save, Escape does not. */
function NameField(props: { name: string; onDone: (name: string | null) => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const isOver = useRef(false);
  useEffect(() => field.current?.select(), []);
  const close = (isSaved: boolean): void => {
    if (isOver.current) return;
    isOver.current = true;
    const name = field.current?.value.trim() ?? '';
    props.onDone(isSaved && name !== '' && name !== props.name ? name : null);
  };
  return (
    <input
      ref={field}
      class="past-rename"
      data-testid="version-rename-field"
      aria-label="Name of this version"
      placeholder="Name this version"
      maxLength={LONGEST_NAME}
      defaultValue={props.name}
      onBlur={() => close(true)}
      onKeyDown={(event) => {
        if (event.isComposing) return;
        if (event.key === 'Enter') close(true);
        if (event.key === 'Escape') close(false);
      }}
    />
  );
}

/** Keeps the present as a version, goes back, and offers the way forward again. */
async function goBack(editor: Editor, version: Version): Promise<void> {
  const room = editor.room.name;
  const kept = await keepVersion(room, `Before going back to “${titleOf(version).slice(0, 120)}”`);
  await restoreVersion(room, version.id);
  const undo = async (): Promise<void> => {
    if (!kept) return;
    await restoreVersion(room, kept.id);
    editor.notice.value = { text: 'The board is as it was before.' };
  };
  const tell = (error: unknown): void => {
    editor.notice.value = { text: words(error) };
  };
  editor.notice.value = {
    text: `The board is as in “${titleOf(version)}” again.`,
    ...(kept ? { action: { label: 'Undo', run: () => void undo().catch(tell) } } : {}),
  };
}

export function VersionsBar({ editor, show, close }: VersionsProps): JSX.Element {
  const room = editor.room.name;
  const versions = useSignal<readonly Version[]>([]);
  const at = useSignal(0);
  const detail = useSignal('Looking for versions…');
  const name = useSignal('');
  /** the version whose name is being written */
  const naming = useSignal<number | null>(null);
  const isBusy = useSignal(false);
  const known = useRef(new Map<number, Shapes>());
  const pencil = useRef<HTMLButtonElement>(null);
  const deeds = useRef<readonly Deed[] | null>(null);

  const load = async (): Promise<void> => {
    deeds.current = null;
    versions.value = await listVersions(room);
    at.value = versions.value.length;
    detail.value = versions.value.length
      ? 'Now. Move the slider to look back.'
      : 'No versions yet. One is kept every few minutes of work; name this moment to keep it.';
  };
  const shapesAt = async (index: number): Promise<Shapes> => {
    const version = versions.peek()[index];
    if (!version) return index < 0 ? {} : shapesOf({ shapes: editor.room.doc.getMap('shapes').toJSON() });
    const found = known.current.get(version.id) ?? (await shapesOfVersion(room, version.id));
    known.current.set(version.id, found);
    return found;
  };
  /** By whom, as far as the log or the shapes that were made say. */
  const who = async (index: number, { made, changed, removed }: Difference, shapes: Shapes): Promise<string> => {
    const version = versions.peek()[index]!;
    deeds.current ??= await listDeeds(room);
    const from = versions.peek()[index - 1]?.at ?? 0;
    const authors = deeds.current.filter((deed) => deed.at > from && deed.at <= version.at).map((deed) => deed.author);
    const makers = made.map((id) => shapes[id]?.by).filter((by): by is string => typeof by === 'string');
    // Shapes name their makers; the log is asked where there is more, since it holds what was taken back as well.
    const others = changed.length + removed.length > 0 || makers.length < made.length ? authors : [];
    const names = [...new Set([...others, ...makers].map((id) => nameOf(editor, id)).filter(Boolean))];
    return names.length ? ` by ${listed(names)}` : '';
  };
  const move = async (next: number): Promise<void> => {
    at.value = next;
    naming.value = null;
    try {
      if (next >= versions.peek().length) {
        show(null, []);
        detail.value = 'Now. Move the slider to look back.';
        return;
      }
      const version = versions.peek()[next];
      if (version && !known.current.has(version.id)) {
        await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
        if (at.peek() !== next) return;
      }
      const [shapes, earlier] = [await shapesAt(next), await shapesAt(next - 1)];
      if (at.peek() !== next) return; // the slider has moved on meanwhile
      const change = difference(earlier, shapes);
      show(shapes, [...change.made, ...change.changed]);
      detail.value = summary(change);
      const by = await who(next, change, shapes);
      if (at.peek() === next) detail.value = summary(change) + by;
    } catch (error) {
      if (at.peek() === next) detail.value = words(error);
    }
  };
  const act = async (work: () => Promise<void>): Promise<void> => {
    isBusy.value = true;
    try {
      await work();
    } catch (error) {
      detail.value = words(error);
    }
    isBusy.value = false;
  };
  useEffect(() => void act(load), []);

  const version = versions.value[at.value];
  const canWrite = editor.room.canWrite.value;
  const keep = async (): Promise<void> => {
    await keepVersion(room, name.peek().trim());
    name.value = '';
    await load();
    detail.value = 'Kept. Move the slider to look back.';
  };
  const rename = (of: Version, next: string | null): void => {
    naming.value = null;
    // Back to where Tab was; not when the field was left for something else.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) pencil.current?.focus();
    });
    if (next === null) return;
    void act(async () => {
      const renamed = await renameVersion(room, of.id, next);
      if (!renamed) return;
      versions.value = versions.peek().map((each) => (each.id === renamed.id ? renamed : each));
      detail.value = `Named “${titleOf(renamed)}”.`;
    });
  };
  const isNaming = canWrite && version !== undefined && naming.value === version.id;
  return (
    <Bar
      label="Versions of the board"
      icon={History}
      title={version ? titleOf(version) : 'Now'}
      {...(isNaming ? { field: <NameField name={version.name} onDone={(next) => rename(version, next)} /> } : {})}
      tool={
        canWrite &&
        version &&
        !isNaming && (
          <button
            ref={pencil}
            type="button"
            class="icon-button"
            data-testid="version-rename"
            aria-label={`Rename ${titleOf(version)}`}
            title="Rename (F2)"
            onClick={() => {
              naming.value = version.id;
            }}
          >
            <Pencil size={15} strokeWidth={1.75} aria-hidden="true" />
          </button>
        )
      }
      when={version ? `${moment(version.at)} · ${ago(version.at, Date.now())}` : ''}
      detail={detail.value}
      last={versions.value.length}
      at={at.value}
      stop={version ? `${titleOf(version)}, ${moment(version.at)}` : 'Now'}
      onMove={(next) => void move(next)}
      onClose={close}
    >
      {canWrite && version && (
        <button
          type="button"
          class="button primary"
          data-testid="version-restore"
          disabled={isBusy.value}
          onClick={() => void act(() => goBack(editor, version).then(close))}
        >
          Go back to this
        </button>
      )}
      {canWrite && !version && (
        <form
          class="past-name"
          onSubmit={(event) => {
            event.preventDefault();
            void act(keep);
          }}
        >
          <input
            data-testid="version-name"
            aria-label="Name of this moment"
            placeholder="Name this moment"
            maxLength={LONGEST_NAME}
            value={name.value}
            onInput={(event) => {
              name.value = event.currentTarget.value;
            }}
          />
          <button
            type="submit"
            class="button outline"
            data-testid="version-keep"
            disabled={isBusy.value || name.value.trim() === ''}
          >
            Keep
          </button>
        </form>
      )}
      <span class="sr-only" aria-live="polite">
        {version ? `${titleOf(version)}, ${count(at.value + 1, 'version')} from the start` : ''}
      </span>
    </Bar>
  );
}
