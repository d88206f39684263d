/** Where an options object comes from: its name in messages, the folder its paths start from, its environment. */
export interface SettingsBase {
  readonly origin: string
  readonly dir: string
  readonly env: NodeJS.ProcessEnv
}
