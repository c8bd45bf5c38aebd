/** A module that imports a style sheet has it bundled beside itself; it gets nothing of it. */
declare module '*.css';
