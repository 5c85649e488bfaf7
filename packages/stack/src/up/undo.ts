/** The steps that end what was started, last first. */
export interface Undo {
  add(step: () => void | Promise<void>): void;
  /** Runs all steps, each once, even if others fail; throws the first error at the end. */
  run(): Promise<void>;
}

export function createUndo(): Undo {
  const steps: (() => void | Promise<void>)[] = [];
  return {
    add: (step) => void steps.push(step),
    async run() {
      const errors: unknown[] = [];
      for (let step = steps.pop(); step; step = steps.pop()) {
        try {
          await step();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}
