/** What this browser remembers. A browser that forbids storage remembers it until the page is closed. */

function open(kind: 'localStorage' | 'sessionStorage'): Storage | null {
  try {
    const storage = globalThis[kind];
    storage.getItem('coplayer');
    return storage;
  } catch {
    return null; // reading the property itself throws where cookies are blocked
  }
}

class Memory {
  readonly #storage: Storage | null;
  readonly #fallback = new Map<string, string>();

  constructor(kind: 'localStorage' | 'sessionStorage') {
    this.#storage = open(kind);
  }

  get(key: string): string | null {
    return this.#fallback.get(key) ?? this.#storage?.getItem(key) ?? null;
  }

  set(key: string, value: string): void {
    try {
      if (this.#storage) this.#storage.setItem(key, value);
      else this.#fallback.set(key, value);
    } catch {
      this.#fallback.set(key, value); // full
    }
  }

  remove(key: string): void {
    this.#fallback.delete(key);
    this.#storage?.removeItem(key);
  }
}

/** Of this browser, over visits. */
export const remembered = new Memory('localStorage');
/** Of this tab. */
export const ofThisTab = new Memory('sessionStorage');
