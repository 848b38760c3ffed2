// What a program inherits from whoever starts it, put into a state that it can rely on.
#pragma once

namespace vault {

// The first call of every main().
//
// Standard streams that are closed are occupied by /dev/null, or the next file that is opened gets the number, and what
// is meant for the terminal is written into a lock file or a socket. They are opened the wrong way round, for reading
// where one writes, so that writing to a closed stdout still fails and no answer is lost unnoticed.
//
// SIGCHLD gets its default action: where the parent ignores it, so do we, and then nobody can wait for a child.
void reset_inherited_state();

// Takes every variable that libpq reads (PGHOSTADDR, PGOPTIONS, PGSERVICE ...) out of the environment: for a program
// whose database is its own, and that is meant to reach no other. No other thread may run yet.
void forget_libpq_environment();

}  // namespace vault
