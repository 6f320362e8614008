// SPDX-License-Identifier: PostgreSQL
//
// Several connections that check indexes at the same time, a thread each.
#pragma once

#include "cli/check_text.hpp"
#include "cli/database.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <libpq-fe.h>
#include <memory>
#include <mutex>
#include <thread>

namespace cli
{

/// An index as the catalog has it.
struct IndexToCheck {
    std::string oid;
    std::string name; // as SQL wants it, with schema
    int64_t bytes;
};

/// What came of one index.
struct Verdict {
    enum class Outcome { checked, failed, gone } outcome; // gone: dropped meanwhile

    IndexToCheck index;
    std::vector<Problem> problems;
    std::string error; // if it failed
};

class CheckPool
{
  public:
    /// `check` is a statement with the parameter $1, an index's oid, and the columns of
    /// index_check(). Opens `jobs` connections; raises if one cannot be opened.
    CheckPool(const std::string &conninfo, std::string check, std::deque<IndexToCheck> indexes,
              size_t jobs);
    /// Cancels what is running.
    ~CheckPool();
    CheckPool(const CheckPool &) = delete;
    CheckPool &operator=(const CheckPool &) = delete;

    /// The next verdict, if there is one within that time.
    std::optional<Verdict> next(std::chrono::milliseconds patience);

    /// All verdicts were taken; indexes that are left in the queue will have none, because
    /// cancel() was called or all connections were lost.
    bool finished();
    size_t left();

    /// Ends running checks and begins no more.
    void cancel();

  private:
    struct Free {
        void operator()(PGcancel *request) const { PQfreeCancel(request); }
    };

    void work(Database &database);
    bool take(IndexToCheck &index);

    const std::string check_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<IndexToCheck> queue_; // guarded by mutex_, as the next two
    std::deque<Verdict> verdicts_;
    size_t working_ = 0;
    std::vector<std::unique_ptr<Database>> databases_;
    std::vector<std::unique_ptr<PGcancel, Free>> requests_;
    std::vector<std::thread> threads_;
    bool cancelled_ = false; // guarded by mutex_
};

} // namespace cli
