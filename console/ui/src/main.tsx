import { render } from 'preact';
import './styles/base.css';
import './styles/shell.css';
import './styles/dialog.css';
import './styles/list.css';
import './theme.ts';
import { App } from './app.tsx';
import { start } from './session.ts';

render(<App />, document.getElementById('app')!);
void start();
