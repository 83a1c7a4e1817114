import type { JSX } from 'preact';
import type { Editor } from '../editor';
import { SHORTCUTS } from '../input/keyboard';
import { Dialog } from '../ui/Dialog';

/** The list of keys. */
export function Help({ editor }: { editor: Editor }): JSX.Element {
  const close = (): void => {
    editor.dialog.value = null;
  };
  return (
    <Dialog title="Keyboard shortcuts" testid="help" class="help" close={close}>
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
    </Dialog>
  );
}
