/** @jsxImportSource preact */
/** Narrows a table to the rows that hold each of its words. */
export interface FilterBoxProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly label: string;
}

export function FilterBox({ value, onValue, label }: FilterBoxProps) {
  return (
    <input
      class="filter-box"
      type="search"
      placeholder={label}
      aria-label={label}
      value={value}
      spellcheck={false}
      onInput={(event) => onValue(event.currentTarget.value)}
    />
  );
}
