/** Who answers here: the assistant's name and model, and what to do when there is none. */
import { useSignal } from '@preact/signals';
import { ChevronRight, Settings2, Sparkles } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Panel } from './panel';

/** What this room lets the assistant do; everybody who may write may set it. */
function RoomPolicy({ panel }: { panel: Panel }): JSX.Element {
  const { doc } = panel.board;
  return (
    <div class="panel-note" data-testid="policy">
      <label class="policy-row">
        <input
          type="checkbox"
          data-testid="policy-propose"
          checked={panel.alwaysPropose.value}
          disabled={!panel.board.canWrite.value}
          onChange={(event) => doc.getMap('policy').set('propose', event.currentTarget.checked)}
        />
        <span>
          <b>Always propose on this board.</b> Nothing that the assistant does counts before somebody accepts it.
        </span>
      </label>
    </div>
  );
}

/** How to put a model behind the demo assistant. */
function DemoNote(): JSX.Element {
  const open = useSignal(false);
  return (
    <div class="panel-note" data-kind="demo">
      <p>
        It follows fixed rules. For a real model, set <code>OPENAI_API_KEY</code> and start again.{' '}
        <button type="button" class="link" aria-expanded={open} onClick={() => (open.value = !open.value)}>
          {open.value ? 'Less' : 'How'}
        </button>
      </p>
      {open.value && (
        <>
          <pre>OPENAI_API_KEY=sk-… ./dev run</pre>
          <p>
            Ollama, vLLM, LM Studio and llama.cpp work too: set <code>OPENAI_BASE_URL</code> to their address and{' '}
            <code>COPLAYER_MODEL</code> to the model's name.
          </p>
        </>
      )}
    </div>
  );
}

function Note({ panel }: { panel: Panel }): JSX.Element | null {
  const assistant = panel.assistant.value;
  if (!panel.board.canWrite.value) return null; // who may not ask need not know how to
  if (assistant?.demo) return <DemoNote />;
  if (assistant) return null;
  if (!panel.online.value) {
    return <p class="panel-note">You are offline. What you ask is kept and sent when the connection is back.</p>;
  }
  return (
    <p class="panel-note">
      No assistant is connected. What you ask waits in the queue until one joins: <code>coplayer agent</code> starts
      one.
    </p>
  );
}

export function Header({ panel }: { panel: Panel }): JSX.Element {
  const assistant = panel.assistant.value;
  const settings = useSignal(false);
  return (
    <>
      <header class="panel-head">
        <Sparkles size={16} strokeWidth={1.75} aria-hidden="true" />
        <h2>{assistant?.name || 'Assistant'}</h2>
        <span class="panel-model">{assistant ? (assistant.demo ? '' : assistant.model) : 'not connected'}</span>
        <button
          type="button"
          class="icon-button panel-settings"
          data-testid="assistant-settings"
          aria-label="Settings of the assistant"
          title="Settings of the assistant"
          aria-expanded={settings.value}
          onClick={() => (settings.value = !settings.value)}
        >
          <Settings2 size={16} strokeWidth={1.75} aria-hidden="true" />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label="Hide the assistant"
          title="Hide the assistant"
          onClick={() => (panel.board.panelOpen.value = false)}
        >
          <ChevronRight size={16} strokeWidth={1.75} aria-hidden="true" />
        </button>
      </header>
      {settings.value && <RoomPolicy panel={panel} />}
      <Note panel={panel} />
    </>
  );
}
