// Puts the state that a program inherits from whoever starts it into a form that it can rely on.
#pragma once

namespace vault {

// The first call of every main().
//
// Opens /dev/null for each closed standard stream. Otherwise the next file to be opened would get its number, and
// output meant for the terminal would be written to a lock file or a socket. They are opened in the wrong direction,
// for reading where one would write, so that writing to a closed stdout still fails and lost output is noticed.
//
// SIGCHLD gets its default action: if the parent ignores it, we inherit that and could not wait for a child.
void reset_inherited_state();

// Removes every variable that libpq reads (PGHOSTADDR, PGOPTIONS, PGSERVICE ...) from the environment, for a program
// that has its own database and must not reach any other. No other thread may run yet.
void forget_libpq_environment();

}  // namespace vault
