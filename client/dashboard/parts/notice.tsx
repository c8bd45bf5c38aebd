/** @jsxImportSource preact */
/** What there is instead of figures: nothing yet, or an error; either says what to do next. */
import type { ComponentChildren } from 'preact';
import { explain } from '../model/advice.ts';
import { Icon } from './icons.tsx';

export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      <div class="empty-text">{children}</div>
    </div>
  );
}

/** With the error's stable code. */
export function ErrorNotice({
  error,
  children,
}: {
  readonly error: unknown;
  readonly children?: ComponentChildren;
}) {
  const { code, title, todo, message } = explain(error);
  return (
    <div class="notice bad" role="alert">
      <Icon name="warn" />
      <div>
        <p class="notice-title">
          {title} {code !== null && <code class="code">{code}</code>}
        </p>
        <p>{todo}</p>
        <p class="quiet-text">{message}</p>
        {children}
      </div>
    </div>
  );
}
