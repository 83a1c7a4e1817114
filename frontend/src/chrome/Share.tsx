import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { linkWith, makeLink, type Role, sharesOf } from '../access';
import type { Editor } from '../editor';
import { Check, Link } from '../ui/icons';
import { Popover } from '../ui/Popover';

const ROLES: readonly (readonly [Role, string, string])[] = [
  ['write', 'Can edit', 'Whoever has the link can draw and ask the assistant.'],
  ['comment', 'Can comment', 'Whoever has the link can look and comment, but change nothing.'],
  ['read', 'Can view', 'Whoever has the link can look, but change nothing.'],
];

/** A link to this board: with a role to choose where the server asks for tokens and one may make them. */
export function Share({ editor, close }: { editor: Editor; close: () => void }): JSX.Element {
  const { room } = editor;
  const shares = sharesOf(room.token, room.canWrite.value);
  const role = useSignal<Role>(shares.kind === 'own' ? shares.role : 'write');
  const link = useSignal<string | null>(shares.kind === 'roles' ? null : linkWith(room.token));
  const fault = useSignal<string | null>(null);
  const isCopied = useSignal(false);
  const isChosen = shares.kind === 'roles';
  const wanted = role.value;
  useEffect(() => {
    if (!isChosen || !room.token) return;
    let isOld = false;
    link.value = fault.value = null;
    makeLink(room.path, room.token, wanted).then(
      (made) => {
        if (!isOld) link.value = made;
      },
      (error: unknown) => {
        if (!isOld) fault.value = error instanceof Error ? error.message : String(error);
      },
    );
    return () => {
      isOld = true;
    };
  }, [wanted, isChosen, room, link, fault]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(link.peek() ?? '');
      isCopied.value = true;
    } catch {
      // No clipboard without https or permission: the link stands there to be copied by hand.
      document.querySelector<HTMLInputElement>('#share-link')?.select();
    }
  };
  const what = ROLES.find(([name]) => name === wanted)![2];
  return (
    <Popover label="Share" testid="share-form" close={close}>
      <div class="settings">
        <label for="share-link">Link to this board</label>
        {isChosen && (
          <div class="segments" role="group" aria-label="What the link allows">
            {ROLES.map(([name, words]) => (
              <button
                type="button"
                key={name}
                data-testid={`share-${name}`}
                aria-pressed={wanted === name}
                onClick={() => {
                  isCopied.value = false;
                  role.value = name;
                }}
              >
                {words}
              </button>
            ))}
          </div>
        )}
        <div class="link-row">
          <input
            id="share-link"
            readOnly
            data-testid="share-link"
            value={link.value ?? ''}
            placeholder={fault.value ? '' : 'Making a link…'}
            onFocus={(event) => event.currentTarget.select()}
          />
          <button
            type="button"
            class="button primary"
            data-testid="share-copy"
            disabled={!link.value}
            onClick={() => void copy()}
          >
            {isCopied.value ? (
              <Check size={16} strokeWidth={2} aria-hidden="true" />
            ) : (
              <Link size={16} strokeWidth={1.9} aria-hidden="true" />
            )}
            {isCopied.value ? 'Copied' : 'Copy'}
          </button>
        </div>
        <p class="hint" role={fault.value ? 'alert' : undefined}>
          {fault.value ? `No link could be made: ${fault.value}` : what}
        </p>
      </div>
    </Popover>
  );
}
