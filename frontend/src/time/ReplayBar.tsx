/** A run, call by call: the board before it and after each of its calls. */
import { useSignal } from '@preact/signals';
import { Pause, Play, Rewind } from 'lucide-preact';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { Editor } from '../editor';
import { callsOfRun } from '../history';
import { byTime } from '../panel/card';
import { shapeLookup } from '../panel/feed';
import { type CallEntry, readCall } from '../panel/read';
import { spoken, stepOf, targetsOf } from '../panel/steps';
import { duration, moment } from '../panel/words';
import { Bar } from './Bar';
import { framesOf, type Shapes, shapesOf } from './moments';

/** Time for a look at what a call did. */
const STEP_MS = 1100;

function callsInOrder(editor: Editor, run: string): CallEntry[] {
  const { doc } = editor.room;
  const calls = doc.getMap<unknown>('calls');
  const found = callsOfRun(doc, run).flatMap((id) => readCall(id, calls.get(id)) ?? []);
  return found.sort((a, b) => a.seq - b.seq || byTime(a, b));
}

export function ReplayBar(props: {
  editor: Editor;
  run: string;
  show: (shapes: Shapes, marked: readonly string[]) => void;
  close: () => void;
}): JSX.Element {
  const { editor, run, show, close } = props;
  // As it was when the replay began: a run that goes on meanwhile does not move the slider under the hand.
  const { calls, frames, steps } = useMemo(() => {
    const { doc } = editor.room;
    const calls = callsInOrder(editor, run);
    const lookup = shapeLookup(doc.getMap('shapes'));
    return {
      calls,
      frames: framesOf(calls, shapesOf({ shapes: doc.getMap('shapes').toJSON() })),
      steps: calls.map((call, i) => stepOf(call, calls.slice(i + 1), true, lookup)),
    };
  }, [editor, run]);
  const at = useSignal(0);
  const isPlaying = useSignal(true);

  const move = (next: number): void => {
    at.value = next;
    const call = calls[next - 1];
    show(frames[next]!, call ? targetsOf(call) : []);
    if (next >= calls.length) isPlaying.value = false;
  };
  useEffect(() => {
    const touched = [...new Set(calls.flatMap(targetsOf))];
    show(frames[frames.length - 1]!, touched); // the whole of it, for the camera
    move(0);
  }, []);
  const playing = isPlaying.value;
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => move(Math.min(calls.length, at.peek() + 1)), STEP_MS);
    return () => clearInterval(timer);
  }, [playing]);

  const call = calls[at.value - 1];
  const step = steps[at.value - 1];
  const words = step ? spoken(step) : 'Before the run';
  const toggle = (): void => {
    if (!isPlaying.peek() && at.peek() >= calls.length) move(0);
    isPlaying.value = !isPlaying.peek();
  };
  return (
    <Bar
      label="Replay of the run"
      icon={Rewind}
      title={step ? `Step ${at.value} of ${calls.length}` : 'Before the run'}
      when={call ? `${moment(call.at)}${call.ms === null ? '' : ` · ${duration(call.ms)}`}` : ''}
      detail={<span data-error={step?.error || undefined}>{words}</span>}
      last={calls.length}
      at={at.value}
      stop={words}
      onMove={(next) => {
        isPlaying.value = false;
        move(next);
      }}
      onClose={close}
    >
      <button type="button" class="button outline" data-testid="replay-play" onClick={toggle}>
        {playing ? <Pause size={15} strokeWidth={1.9} /> : <Play size={15} strokeWidth={1.9} />}
        {playing ? 'Pause' : 'Play'}
      </button>
    </Bar>
  );
}
