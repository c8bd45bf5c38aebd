/** @jsxImportSource preact */
/** The keys, in a dialog: the browser's own, which keeps the focus and closes by Escape. */
import { useEffect, useRef } from 'preact/hooks';
import { CHANNEL_SHORTCUTS, SHORTCUTS, type Shortcut } from '../shortcuts.ts';
import { Icon } from './icons.tsx';

export function HelpDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="help-title" onClose={onClose}>
      <div class="dialog-head">
        <h2 id="help-title">Keys</h2>
        <button type="button" class="button quiet icon-only" onClick={onClose} aria-label="Close">
          <Icon name="cross" />
        </button>
      </div>
      <div class="keys">
        <Keys title="Everywhere" shortcuts={SHORTCUTS} />
        <Keys title="In a channel" shortcuts={CHANNEL_SHORTCUTS} />
      </div>
    </dialog>
  );
}

function Keys({ title, shortcuts }: { readonly title: string; readonly shortcuts: readonly Shortcut[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {shortcuts.map(({ keys, does }) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
