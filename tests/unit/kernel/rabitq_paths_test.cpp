// SPDX-License-Identifier: PostgreSQL
//
// Every instruction set gives the bits that portable C++ gives, for all that rabitq.hpp has.
#include "kernel/coding.hpp"
#include "kernel/rabitq.hpp"
#include "kernel/rabitq_tables.hpp"
#include "rabitq_rows.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace
{

using namespace vx::kernel;
using vx::kernel::test::Groups;
using vx::kernel::test::Query;
using vx::kernel::test::random_vector;
using vx::kernel::test::Vector;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kShapes[] = {64, 128, 192, 384, 768, 1024, 1088, 1920, 1984, 16000};

struct Path {
    const char *name;
    const RabitqKernels *rabitq;
    const CodingKernels *coding;
};

/// nullptr where the processor lacks it. "avx512" is the path without VBMI, "best" the one with it
/// if there is one.
Path
path(const std::string &name)
{
    if (name == "avx2")
        return {"avx2", rabitq_kernels_for(Isa::avx2), coding_kernels_for(Isa::avx2)};
    const RabitqKernels *best = rabitq_kernels_for(Isa::avx512);
    const RabitqKernels *plain = best != nullptr ? &kAvx512RabitqKernels : nullptr;
    return {"avx512", name == "best" ? best : plain, coding_kernels_for(Isa::avx512)};
}

class RabitqPathTest : public ::testing::TestWithParam<const char *>
{
  protected:
    void SetUp() override
    {
        path_ = path(GetParam());
        if (path_.rabitq == nullptr || path_.coding == nullptr)
            GTEST_SKIP() << "this processor has no " << GetParam();
    }

    /// The same survivors from this path and from portable C++, bit for bit; returns how many.
    std::uint32_t check_scan(const ScanQuery &query, const GroupRun &run,
                             const std::uint32_t *masks, float g, float margin, float threshold)
    {
        std::vector<Survivor> expected(std::size_t{run.count} * kGroupRows + 1);
        std::vector<Survivor> got(expected.size());
        const std::uint32_t count = kScalarRabitqKernels.scan_groups(query, run, masks, g, margin,
                                                                     threshold, expected.data());
        EXPECT_EQ(count,
                  path_.rabitq->scan_groups(query, run, masks, g, margin, threshold, got.data()));
        EXPECT_EQ(0, std::memcmp(expected.data(), got.data(), count * sizeof(Survivor)));
        return count;
    }

    Path path_{};
    std::mt19937 random_{17};
};

/// Codes and factors of any bits whatever, as a damaged page may have them.
TEST_P(RabitqPathTest, ScansTheSameRows)
{
    for (const std::size_t padded : kShapes) {
        const CodeShape shape = code_shape(padded);
        Groups groups(shape, 5);
        std::vector<std::uint8_t> bits(scan_code_bytes(shape));
        for (std::uint32_t row = 0; row < 5 * kGroupRows; row++) {
            for (auto &byte : bits)
                byte = std::uint8_t(random_());
            CodeFactors f{};
            f.scan_add = row < 64 ? std::uint16_t(random_()) : half_from_float(float(row));
            f.scan_rescale = row < 64 ? std::uint16_t(random_()) : half_from_float(-3.5f);
            groups.put(row, bits.data(), f);
        }
        const Query query(shape, random_vector(padded, 1, random_));
        const std::uint32_t masks[5] = {0xdeadbeef, 0, 0xffffffff, 1, 0x80000000};
        for (const float threshold : {-kInfinity, -50.0f, 0.0f, 80.0f, 200.0f, kInfinity})
            for (const float margin : {0.0f, 12.5f}) {
                check_scan(query.scan, groups.run(), nullptr, 3.25f, margin, threshold);
                check_scan(query.scan, groups.run(), masks, 3.25f, margin, threshold);
            }
    }
}

/// Fetching ahead changes no result, and an address that means nothing does no harm.
TEST_P(RabitqPathTest, FetchesAheadHarmlessly)
{
    const CodeShape shape = code_shape(128);
    Groups groups(shape, 3);
    const std::vector<std::uint8_t> bits(scan_code_bytes(shape), 0x5a);
    for (std::uint32_t row = 0; row < 3 * kGroupRows; row++)
        groups.put(row, bits.data(), {0x3c00, 0x3c00, 0, 0});
    const Query query(shape, random_vector(128, 1, random_));
    GroupRun run = groups.run();
    run.next = reinterpret_cast<const std::uint8_t *>(std::uintptr_t{4096});
    for (const std::uint32_t next_groups : {0u, 1u, 3u, 11u}) {
        run.next_groups = next_groups;
        EXPECT_EQ(3 * kGroupRows, check_scan(query.scan, run, nullptr, 0, 0, kInfinity));
    }
    run.count = 0;
    EXPECT_EQ(0u, check_scan(query.scan, run, nullptr, 0, 0, kInfinity));
}

/// All bits set, entries as large as they can be: nothing overflows.
TEST_P(RabitqPathTest, SumsAreExact)
{
    for (const std::size_t padded : kShapes) {
        const CodeShape shape = code_shape(padded);
        Groups groups(shape, 1);
        const std::vector<std::uint8_t> bits(scan_code_bytes(shape), 0xff);
        for (std::uint32_t row = 0; row < kGroupRows; row++)
            groups.put(row, bits.data(), {0, half_from_float(1), 0, 0});
        const Query query(shape, Vector(padded, 1.0f));
        Survivor out[kGroupRows];
        const std::uint32_t kept =
            path_.rabitq->scan_groups(query.scan, groups.run(), nullptr, 0, 0, kInfinity, out);
        ASSERT_EQ(kGroupRows, kept);
        for (const Survivor &row : out)
            EXPECT_NEAR(double(shape.scan_dimensions) / 2, row.ip, shape.scan_dimensions * 1e-6);
    }
}

/// Whatever their other fields hold, slots without a row never survive, and escapes always do.
TEST_P(RabitqPathTest, FreeSlotsNeverSurvive)
{
    const CodeShape shape = code_shape(128);
    const Query query(shape, random_vector(128, 1, random_));
    Groups groups(shape, 4);
    const std::vector<std::uint8_t> bits(scan_code_bytes(shape), 0xa5);
    for (const float threshold : {0.0f, 1e30f, kInfinity}) {
        for (std::uint32_t row = 0; row < 4 * kGroupRows; row++)
            groups.put(row, bits.data(), {kNoRowAdd, std::uint16_t(random_()), 0, 0});
        groups.put(3, bits.data(), {kNoRowAdd, 0xfc00, 0, 0});
        groups.put(4, bits.data(), {kNoRowAdd, 0x7c00, 0, 0});
        groups.put(5, bits.data(), {kNoRowAdd, 0x7e00, 0, 0});
        EXPECT_EQ(0u, check_scan(query.scan, groups.run(), nullptr, -1e9f, 100, threshold));
        groups.put(77, bits.data(), {0xfc00, 0, 0, 0});
        EXPECT_EQ(1u, check_scan(query.scan, groups.run(), nullptr, 1e9f, 100, threshold));
    }
    EXPECT_EQ(0u, check_scan(query.scan, groups.run(), nullptr, 1, 1, -kInfinity));
}

TEST_P(RabitqPathTest, MultipliesFineCodes)
{
    for (const std::size_t padded : kShapes) {
        const CodeShape shape = code_shape(padded);
        const Query query(shape, random_vector(padded, 1, random_));
        // Records at odd addresses, the last one at the end of its memory.
        std::vector<std::vector<std::uint8_t>> memory;
        std::vector<const std::uint8_t *> records;
        for (std::size_t i = 0; i < 11; i++) {
            memory.emplace_back(i % 5 + fine_code_bytes(shape));
            for (auto &byte : memory.back())
                byte = i == 10 ? 0xff : std::uint8_t(random_());
            records.push_back(memory.back().data() + i % 5);
        }
        for (std::size_t count = 0; count <= records.size(); count++) {
            std::vector<std::int32_t> expected(count + 1, -7);
            std::vector<std::int32_t> got(count + 1, -7);
            kScalarRabitqKernels.fine_dots(query.fine, records.data(), count, expected.data());
            path_.rabitq->fine_dots(query.fine, records.data(), count, got.data());
            EXPECT_EQ(expected, got) << padded;
        }
    }
}

TEST_P(RabitqPathTest, ExtremeFineCodesDoNotOverflow)
{
    for (const std::size_t padded : kShapes) {
        const CodeShape shape = code_shape(padded);
        for (const float sign : {1.0f, -1.0f}) {
            const Query query(shape, Vector(padded, sign));
            const std::vector<std::uint8_t> record(fine_code_bytes(shape), 0xff);
            const std::uint8_t *records[] = {record.data()};
            std::int32_t dot = 0;
            path_.rabitq->fine_dots(query.fine, records, 1, &dot);
            EXPECT_EQ(sign * 15 * 127 * float(padded), float(dot));
        }
    }
}

/// Rows of several sizes, with zeroes, and with what overflows.
TEST_P(RabitqPathTest, EncodesTheSame)
{
    for (const std::size_t padded : kShapes)
        for (const CodeMetric metric : {CodeMetric::l2, CodeMetric::inner_product})
            for (const float size : {0.0f, 1e-20f, 1e-3f, 1.0f, 1e4f, 1e19f, 1e38f}) {
                const CodeShape shape = code_shape(padded);
                const Vector centre = random_vector(padded, 1, random_);
                Vector row = random_vector(padded, size, random_);
                for (std::size_t i = 0; i < padded; i++)
                    row[i] = i % 7 == 0 ? centre[i] : row[i] + centre[i];
                std::vector<std::uint8_t> bits[2];
                std::vector<std::uint8_t> fine[2];
                CodeFactors factors[2];
                for (int i = 0; i < 2; i++) {
                    bits[i].assign(scan_code_bytes(shape), 0xee);
                    fine[i].assign(fine_code_bytes(shape), 0xee);
                    encode_with(i == 0 ? *coding_kernels_for(Isa::scalar) : *path_.coding, shape,
                                metric, row.data(), centre.data(), bits[i].data(), fine[i].data(),
                                &factors[i]);
                }
                EXPECT_EQ(bits[0], bits[1]) << padded << " " << size;
                EXPECT_EQ(fine[0], fine[1]) << padded << " " << size;
                EXPECT_EQ(0, std::memcmp(&factors[0], &factors[1], sizeof(CodeFactors)));
                EXPECT_FALSE(std::isnan(factors[0].fine_add));
                EXPECT_FALSE(std::isnan(factors[0].fine_rescale));
            }
}

TEST_P(RabitqPathTest, PreparesQueriesTheSame)
{
    for (const std::size_t padded : kShapes)
        for (const float size : {0.0f, 1e-38f, 1e-12f, 1.0f, 1e37f, kInfinity}) {
            const CodeShape shape = code_shape(padded);
            Vector query = random_vector(padded, std::isfinite(size) ? size : 1, random_);
            query[padded / 2] = 0;
            query[padded - 1] = size;
            auto lut0 = test::aligned_array<std::uint8_t>(4 * shape.scan_dimensions);
            auto lut1 = test::aligned_array<std::uint8_t>(4 * shape.scan_dimensions);
            auto q80 = test::aligned_array<std::int8_t>(padded);
            auto q81 = test::aligned_array<std::int8_t>(padded);
            const CodingKernels &scalar = *coding_kernels_for(Isa::scalar);
            ScanQuery scan[2];
            make_scan_query_with(scalar, shape, query.data(), lut0.get(), &scan[0]);
            make_scan_query_with(*path_.coding, shape, query.data(), lut1.get(), &scan[1]);
            EXPECT_EQ(0, std::memcmp(lut0.get(), lut1.get(), 4 * shape.scan_dimensions)) << size;
            EXPECT_EQ(0, std::memcmp(&scan[0].scale, &scan[1].scale, 2 * sizeof(float))) << size;
            FineQuery fine[2];
            make_fine_query_with(scalar, shape, query.data(), q80.get(), &fine[0]);
            make_fine_query_with(*path_.coding, shape, query.data(), q81.get(), &fine[1]);
            EXPECT_EQ(0, std::memcmp(q80.get(), q81.get(), padded)) << size;
            EXPECT_EQ(0, std::memcmp(&fine[0].scale, &fine[1].scale, 3 * sizeof(float))) << size;
        }
}

INSTANTIATE_TEST_SUITE_P(Paths, RabitqPathTest, ::testing::Values("avx2", "avx512", "best"),
                         [](const auto &instance) { return std::string(instance.param); });

} // namespace
