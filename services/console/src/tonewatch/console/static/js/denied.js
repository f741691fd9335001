// A page that the role of the person does not see: only the head lives.

import { frame } from "./frame.js";

frame();
