/** The page at `/`: all boards of this server. */
import { useSignal } from '@preact/signals';
import { CircleAlert, Monitor, Moon, Plus, Search, Sun } from 'lucide-preact';
import { type JSX, render } from 'preact';
import { useEffect } from 'preact/hooks';
import { keepThePage } from '../offline/register';
import { type Clock, startClock } from '../panel/clock';
import { setTheme, type Theme, theme } from '../ui/theme';
import { boardUrl, type Room } from './api';
import { DeleteDialog } from './DeleteDialog';
import { create, creating, isSearchable, query, refresh, rooms, shown, trouble } from './list';
import { RoomCard } from './RoomCard';
import '../style/base.css';
import './rooms.css';

/** People come and go; the list follows at this pace while somebody looks at it. */
const REFRESH_MS = 10_000;

async function openNew(): Promise<void> {
  const room = await create();
  if (room !== null) location.assign(boardUrl(room));
}

function NewBoard(): JSX.Element {
  return (
    <button
      type="button"
      class="button primary"
      data-testid="new-room"
      disabled={creating.value}
      onClick={() => void openNew()}
    >
      {creating.value ? (
        <span class="spinner" aria-hidden="true" />
      ) : (
        <Plus size={18} strokeWidth={1.75} aria-hidden="true" />
      )}
      New board
    </button>
  );
}

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_WORDS: Readonly<Record<Theme, string>> = { system: "the system's", light: 'light', dark: 'dark' };

function ThemeButton(): JSX.Element {
  const Icon = { system: Monitor, light: Sun, dark: Moon }[theme.value];
  const words = `Colours: ${THEME_WORDS[theme.value]}. Change to ${THEME_WORDS[NEXT[theme.value]]}`;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={words}
      title={words}
      onClick={() => setTheme(NEXT[theme.value])}
    >
      <Icon size={18} strokeWidth={1.75} aria-hidden="true" />
    </button>
  );
}

function SearchField(): JSX.Element {
  return (
    <label class="search">
      <Search size={16} strokeWidth={1.75} aria-hidden="true" />
      <input
        type="search"
        aria-label="Find a board"
        placeholder="Find a board"
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
        }}
      />
    </label>
  );
}

function Trouble(): JSX.Element | null {
  if (!trouble.value) return null;
  return (
    <div class="trouble" role="alert">
      <CircleAlert size={18} strokeWidth={1.75} aria-hidden="true" />
      <span>{trouble.value}</span>
      <button type="button" class="button outline" onClick={() => void refresh()}>
        Try again
      </button>
    </div>
  );
}

function NoBoards(): JSX.Element {
  return (
    <section class="no-rooms">
      <svg viewBox="0 0 240 120" width="240" height="120" aria-hidden="true">
        <path d="M96 60H144" class="no-rooms-line" />
        <rect x="16" y="34" width="80" height="52" rx="8" class="no-rooms-blue" />
        <rect x="144" y="34" width="80" height="52" rx="8" class="no-rooms-violet" />
        <path d="M196 78l26 10-11 4-4 11z" class="no-rooms-cursor" />
      </svg>
      <h2>Make your first board</h2>
      <p>
        A board is a page that several people draw on at once. Send its link to a friend, and ask the assistant in the
        panel on the right: “draw three red circles in a row”.
      </p>
      <NewBoard />
    </section>
  );
}

function List({ clock, onDelete }: { clock: Clock; onDelete: (room: Room) => void }): JSX.Element | null {
  const all = rooms.value;
  if (all === null) {
    return trouble.value ? null : (
      <p class="loading" role="status">
        <span class="spinner" aria-hidden="true" /> Loading the boards…
      </p>
    );
  }
  if (all.length === 0) return <NoBoards />;
  if (shown.value.length === 0) return <p class="loading">No board has “{query.value.trim()}” in its name.</p>;
  return (
    <ul class="rooms">
      {shown.value.map((room) => (
        <RoomCard key={room.room} room={room} clock={clock} onDelete={onDelete} />
      ))}
    </ul>
  );
}

function Page({ clock }: { clock: Clock }): JSX.Element {
  const doomed = useSignal<Room | null>(null);
  useEffect(() => {
    const look = (): void => {
      if (!document.hidden) void refresh();
    };
    look();
    const timer = setInterval(look, REFRESH_MS);
    document.addEventListener('visibilitychange', look);
    // Back from a board: the browser shows this page as it was left.
    window.addEventListener('pageshow', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('pageshow', look);
    };
  }, []);
  return (
    <>
      <header class="top">
        <img src="/assets/favicon.svg" width="28" height="28" alt="" />
        <h1>Boards</h1>
        {isSearchable.value && <SearchField />}
        <span class="top-space" />
        <ThemeButton />
        {(rooms.value?.length ?? 0) > 0 && <NewBoard />}
      </header>
      <main class="page" data-testid="room-list">
        <Trouble />
        <List clock={clock} onDelete={(room) => (doomed.value = room)} />
      </main>
      {doomed.value && <DeleteDialog room={doomed.value} onClose={() => (doomed.value = null)} />}
    </>
  );
}

const root = document.getElementById('app');
if (root) render(<Page clock={startClock()} />, root);
keepThePage();
