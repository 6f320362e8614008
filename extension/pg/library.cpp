// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "pg/library.hpp"

#include <csignal>
#include <pthread.h>

namespace pg
{

namespace
{

class AllSignalsBlocked
{
  public:
    AllSignalsBlocked() noexcept
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &previous_);
    }

    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

    AllSignalsBlocked(const AllSignalsBlocked &) = delete;
    AllSignalsBlocked &operator=(const AllSignalsBlocked &) = delete;

  private:
    sigset_t previous_;
};

} // namespace

void *
load_symbol_without_signals(const char *path, const char *symbol)
{
    const AllSignalsBlocked blocked;
    return guarded([&] { return load_external_function(path, symbol, true, nullptr); });
}

} // namespace pg
