// SPDX-License-Identifier: PostgreSQL
#include "cli/check_pool.hpp"

#include <algorithm>

namespace cli
{

CheckPool::CheckPool(const std::string &conninfo, std::string check,
                     std::deque<IndexToCheck> indexes, size_t jobs)
    : check_(std::move(check)), queue_(std::move(indexes))
{
    for (size_t i = 0; i < std::min(jobs, queue_.size()); i++) {
        databases_.push_back(std::make_unique<Database>(conninfo));
        requests_.emplace_back(databases_.back()->cancel_request());
    }
    working_ = databases_.size();
    for (const auto &database : databases_)
        threads_.emplace_back([this, &database] { work(*database); });
}

CheckPool::~CheckPool()
{
    cancel();
    for (std::thread &thread : threads_)
        thread.join();
}

bool
CheckPool::take(IndexToCheck &index)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    if (cancelled_ || queue_.empty())
        return false;
    index = queue_.front();
    queue_.pop_front();
    return true;
}

static std::optional<int64_t>
optional_number(const pqxx::field &field)
{
    return field.is_null() ? std::nullopt : std::optional<int64_t>(field.as<int64_t>());
}

static Verdict
check_index(Database &database, const std::string &check, const IndexToCheck &index)
{
    Verdict verdict = {Verdict::Outcome::checked, index, {}, ""};
    pqxx::nontransaction work(database);
    for (const auto &row : work.exec_params(check, index.oid))
        verdict.problems.push_back({optional_number(row[0]), optional_number(row[1]),
                                    row[2].as<std::string>(), row[3].as<std::string>()});
    return verdict;
}

/// On a standby a check may meet what replay has just changed: it is told to try again.
static Verdict
check_patiently(Database &database, const std::string &check, const IndexToCheck &index)
{
    constexpr int kTries = 5;
    for (int i = 1;; i++) {
        try {
            return check_index(database, check, index);
        } catch (const pqxx::sql_error &e) {
            if (e.sqlstate() != "40001" || i == kTries)
                throw;
        }
    }
}

static bool
exists(Database &database, const IndexToCheck &index)
{
    pqxx::nontransaction work(database);
    return !work.exec_params("SELECT FROM pg_catalog.pg_class WHERE oid = $1", index.oid).empty();
}

/// The verdict of an index whose check raised an error.
static Verdict
failed(Database &database, const IndexToCheck &index, const std::string &error)
{
    const bool gone = database.is_open() && !exists(database, index);
    return {gone ? Verdict::Outcome::gone : Verdict::Outcome::failed, index, {}, error};
}

/// A thread: no exception leaves it.
void
CheckPool::work(Database &database)
{
    IndexToCheck index;
    for (bool lost = false; !lost && take(index);) {
        Verdict verdict;
        try {
            verdict = check_patiently(database, check_, index);
        } catch (const std::exception &e) {
            const std::string error = e.what();
            try {
                verdict = failed(database, index, error);
            } catch (const std::exception &) {
                verdict = {Verdict::Outcome::failed, index, {}, error};
            }
            lost = !database.is_open();
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        verdicts_.push_back(std::move(verdict));
        changed_.notify_one();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    working_--;
    changed_.notify_one();
}

std::optional<Verdict>
CheckPool::next(std::chrono::milliseconds patience)
{
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return !verdicts_.empty() || working_ == 0; });
    if (verdicts_.empty())
        return std::nullopt;
    Verdict verdict = std::move(verdicts_.front());
    verdicts_.pop_front();
    return verdict;
}

bool
CheckPool::finished()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return working_ == 0 && verdicts_.empty();
}

size_t
CheckPool::left()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return queue_.size();
}

void
CheckPool::cancel()
{
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        cancelled_ = true;
        if (working_ == 0)
            return;
    }
    char ignored[256];
    for (const auto &request : requests_)
        PQcancel(request.get(), ignored, sizeof(ignored));
}

} // namespace cli
