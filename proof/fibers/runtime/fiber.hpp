// Fibers: threads of control that run in turn, each on a stack of its own.

#pragma once

namespace fiber {

// Makes fibers 0..count anew; each will call body(number).
void make_fibers(unsigned count, void (*body)(unsigned number));

// Ends fibers 0..count, whether they came to their end or not.
void drop_fibers(unsigned count);

// Forgets all fibers that ended: what they did is before all that comes.
void forget_fibers();

// The name of a fiber in reports of the thread sanitizer.
void name_fiber(unsigned number, const char* name);

// Runs a fiber until it gives back or its body returns. Not for fibers.
void resume(unsigned number);

// Goes back from the running fiber to who resumed it.
void give_back();

}
