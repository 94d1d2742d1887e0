/**
 * Where the command line writes: standard output for results, standard error for everything else.
 * Colour appears only on a terminal and never with NO_COLOR.
 */

/** A place to write to. */
export interface Terminal {
  /** Writes a line of the result. */
  out(line: string): void;
  /** Writes a line about the work: errors, warnings. */
  note(line: string): void;
  /** Shows a step of long work: replaced in place on a terminal, a line of its own elsewhere. */
  progress(line: string): void;
  /** Width of the terminal in columns; Infinity when the output is not one. */
  readonly columns: number;
  /** Paints text; returns it as it is where colour is not wanted. */
  paint(style: Style, text: string): string;
}

/** Meanings that have a look. */
export type Style = 'good' | 'bad' | 'warning' | 'faint' | 'strong';

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  good: [32, 39],
  bad: [31, 39],
  warning: [33, 39],
  faint: [2, 22],
  strong: [1, 22],
};

/** What the process gives a terminal. */
export interface TerminalStreams {
  readonly output: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  readonly errors: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Makes the terminal of the process. */
export function createTerminal(streams: TerminalStreams): Terminal {
  const { output, errors, environment } = streams;
  const noColour = environment['NO_COLOR'] !== undefined && environment['NO_COLOR'] !== '';
  const colour = output.isTTY === true && !noColour && environment['TERM'] !== 'dumb';
  const inPlace = errors.isTTY === true && environment['TERM'] !== 'dumb';
  let shown = false;
  const clear = (): void => {
    if (shown) errors.write('\r\u001b[2K');
    shown = false;
  };
  return {
    columns: output.isTTY === true ? (output.columns ?? 80) : Infinity,
    out(line) {
      clear();
      output.write(`${line}\n`);
    },
    note(line) {
      clear();
      errors.write(`${line}\n`);
    },
    progress(line) {
      if (!inPlace) return void errors.write(`${line}\n`);
      clear();
      errors.write(line);
      shown = true;
    },
    paint(style, text) {
      const [open, close] = CODES[style];
      return colour ? `\u001b[${open}m${text}\u001b[${close}m` : text;
    },
  };
}

// Control characters could move the cursor or change colours: bundles choose names, messages and log lines.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text from elsewhere made safe to print. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
