import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Editor } from '../editor';
import { SHORTCUTS } from '../input/keyboard';
import { X } from '../ui/icons';

/** The list of keys. */
export function Help({ editor }: { editor: Editor }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const close = (): void => {
    editor.helpOpen.value = false;
  };
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="help" ref={dialog} aria-label="Keyboard shortcuts" data-testid="help" onClose={close}>
      <header>
        <h2>Keyboard shortcuts</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={close}>
          <X size={18} strokeWidth={1.75} />
        </button>
      </header>
      <div class="help-columns">
        {SHORTCUTS.map(([group, rows]) => (
          <section key={group}>
            <h3>{group}</h3>
            {rows.map(([what, keys]) => (
              <p key={what}>
                <span>{what}</span>
                <kbd>{keys}</kbd>
              </p>
            ))}
          </section>
        ))}
      </div>
    </dialog>
  );
}
