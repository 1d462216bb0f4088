/** Where a run stands, for who watches it. */
export interface Progress {
  /** A part of the run that takes about so many steps begins. */
  begin(title: string, steps: number): void;
  /** The next step begins. */
  step(what: string): void;
  /** The part has ended. */
  end(): void;
}

const BAR_WIDTH = 24;
const ERASE_LINE = '\r\x1b[2K';

/** One line with a bar where the output is a terminal, a line for each part and case elsewhere. */
export function showProgress(output: NodeJS.WriteStream, now: () => number): Progress {
  let title = '';
  let steps = 1;
  let done = 0;
  let startedAt = 0;
  let last = '';
  return {
    begin: (newTitle, newSteps) => {
      [title, steps, done, startedAt, last] = [newTitle, newSteps, -1, now(), ''];
      if (!output.isTTY) output.write(`${title} …\n`);
    },
    step: (what) => {
      done += 1;
      if (output.isTTY) {
        const line = `${bar(done, steps)} ${title}: ${what}${remaining(now() - startedAt, done, steps)}`;
        output.write(ERASE_LINE + line.slice(0, output.columns - 1));
      } else {
        const [name = ''] = what.split(': ');
        if (name !== last) output.write(`  ${name}\n`);
        last = name;
      }
    },
    end: () => {
      const seconds = ((now() - startedAt) / 1_000).toFixed(0);
      output.write(`${output.isTTY ? ERASE_LINE : ''}${title}: done in ${seconds} s\n`);
    },
  };
}

/** `▕██████░░░░▏  60 %` */
export function bar(done: number, steps: number): string {
  const share = Math.min(1, done / steps);
  const full = Math.round(share * BAR_WIDTH);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return `▕${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}▏${percent}`;
}

function remaining(elapsedMs: number, done: number, steps: number): string {
  if (done < 3) return '';
  const seconds = Math.ceil(((elapsedMs / done) * Math.max(0, steps - done)) / 1_000);
  return `, ${seconds} s left`;
}
