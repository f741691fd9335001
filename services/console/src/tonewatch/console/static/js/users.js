// Accounts, everybody's API keys, and what has happened.

import { Audit } from "./audit.js";
import { frame } from "./frame.js";
import { KeyList } from "./keylist.js";
import { Accounts } from "./accounts.js";

frame();
new Accounts().load();
new KeyList({ everybody: true }).load();
new Audit().load();
