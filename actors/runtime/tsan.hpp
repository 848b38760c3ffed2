// Annotations for ThreadSanitizer, which does not see the ordering that ZeroMQ's lock-free pipes provide.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#define VAULT_TSAN_ACQUIRE(address) __tsan_acquire(address)
#define VAULT_TSAN_RELEASE(address) __tsan_release(address)
#else
#define VAULT_TSAN_ACQUIRE(address) (void)(address)
#define VAULT_TSAN_RELEASE(address) (void)(address)
#endif
