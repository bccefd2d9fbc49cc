/** One training in a process of its own, told by messages of the process that started it. */
import { serve } from '../conversation.js'
import { obey } from './orders.js'

serve(obey)
