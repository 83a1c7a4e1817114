/** What a run waits for: the question, a button an option, and a field for any other answer. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { MAX_ANSWER } from '../canvas.gen';
import { answer } from './asking';
import type { Panel } from './panel';
import type { Question } from './read';

export function QuestionBox({ run, question, panel }: { run: string; question: Question; panel: Panel }): JSX.Element {
  const words = useSignal('');
  const { board } = panel;
  const say = (text: string): void => {
    if (!answer(board.doc, board.me.peek(), run, question.call, text, Date.now())) return;
    words.value = '';
  };
  const isOpen = board.canWrite.value;
  return (
    <div class="question" data-testid="question" data-call={question.call}>
      <p class="question-text">{question.text}</p>
      {isOpen && question.options.length > 0 && (
        <div class="question-options">
          {question.options.map((option) => (
            <button
              key={option}
              type="button"
              class="small-button outlined"
              data-testid="answer-option"
              onClick={() => say(option)}
            >
              {option}
            </button>
          ))}
        </div>
      )}
      {isOpen && (
        <form
          class="question-free"
          onSubmit={(event) => {
            event.preventDefault();
            say(words.peek());
          }}
        >
          <input
            type="text"
            data-testid="answer-input"
            aria-label={`Answer: ${question.text}`}
            placeholder={question.options.length > 0 ? 'Something else…' : 'Your answer…'}
            maxLength={MAX_ANSWER}
            value={words.value}
            onInput={(event) => (words.value = event.currentTarget.value)}
          />
          <button
            type="submit"
            class="small-button outlined"
            data-testid="answer-send"
            disabled={words.value.trim() === ''}
          >
            Answer
          </button>
        </form>
      )}
    </div>
  );
}
