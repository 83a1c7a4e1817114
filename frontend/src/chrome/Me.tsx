import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { LONGEST_NAME, me, PEOPLE_COLOURS, present } from '../me';
import { Choice } from '../ui/Button';
import { Popover } from '../ui/Popover';

const COLOUR_NAMES = ['Teal', 'Orange', 'Blue', 'Pink', 'Green', 'Ochre', 'Petrol'] as const;

/** What others see of this person: name and colour. Kept in this browser. */
export function Me({ close }: { close: () => void }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const colour = useSignal(me.peek().color);
  useEffect(() => field.current?.select(), []);
  return (
    <Popover label="You" testid="me-form" close={close}>
      <form
        class="settings"
        onSubmit={(event) => {
          event.preventDefault();
          present(field.current?.value ?? '', colour.peek());
          close();
        }}
      >
        <label for="my-name">Your name</label>
        <input
          id="my-name"
          ref={field}
          defaultValue={me.peek().name}
          maxLength={LONGEST_NAME}
          autocomplete="nickname"
          spellcheck={false}
        />
        <div class="people-colours" role="group" aria-label="Your colour">
          {PEOPLE_COLOURS.map((value, i) => (
            <Choice
              key={value}
              name={COLOUR_NAMES[i]!}
              testid={`my-colour-${i}`}
              isChosen={colour.value === value}
              onClick={() => {
                colour.value = value;
              }}
            >
              <span class="swatch" style={{ background: value, borderColor: 'transparent' }} />
            </Choice>
          ))}
        </div>
        <button type="submit" class="button primary">
          Save
        </button>
      </form>
    </Popover>
  );
}
