// SPDX-License-Identifier: PostgreSQL
//
// Estimates from RaBitQ codes against exact distances: unbiased, and as exact as the papers
// promise.
#include "kernel/rabitq.hpp"
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

double
exact(CodeMetric metric, const Vector &a, const Vector &b)
{
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); i++)
        sum += metric == CodeMetric::l2 ? std::pow(double(a[i]) - double(b[i]), 2)
                                        : -double(a[i]) * double(b[i]);
    return sum;
}

struct Encoded {
    std::vector<std::uint8_t> bits;
    std::vector<std::uint8_t> fine;
    CodeFactors factors;
};

Encoded
encoded(const CodeShape &shape, CodeMetric metric, const Vector &row, const Vector &centre)
{
    Encoded e{std::vector<std::uint8_t>(scan_code_bytes(shape)),
              std::vector<std::uint8_t>(fine_code_bytes(shape)),
              {}};
    encode(shape, metric, row.data(), centre.data(), e.bits.data(), e.fine.data(), &e.factors);
    return e;
}

/// Estimates of one row.
struct Estimates {
    float scan;
    float fine;
};

Estimates
estimate(const CodeShape &shape, const Encoded &e, const Query &query, float g)
{
    Groups groups(shape, 1);
    groups.put(0, e.bits.data(), e.factors);
    Survivor survivor[kGroupRows];
    const std::uint32_t only = 1;
    EXPECT_EQ(1u, rabitq_kernels().scan_groups(query.scan, groups.run(), &only, g, 0, kInfinity,
                                               survivor));
    EXPECT_EQ(0u, survivor[0].slot);
    const std::uint8_t *record = e.fine.data();
    std::int32_t dot = 0;
    rabitq_kernels().fine_dots(query.fine, &record, 1, &dot);
    return {survivor[0].lower, fine_estimate(query.fine, dot, survivor[0].ip, e.factors.fine_add,
                                             e.factors.fine_rescale, g)};
}

/// Mean and root of the mean square of errors.
struct Errors {
    double sum = 0;
    double squares = 0;
    int count = 0;

    void add(double error)
    {
        sum += error;
        squares += error * error;
        count++;
    }

    double mean() const { return sum / count; }

    double deviation() const { return std::sqrt(squares / count); }
};

struct Case {
    std::size_t padded;
    CodeMetric metric;
};

class RabitqTest : public ::testing::TestWithParam<Case>
{
  protected:
    const CodeMetric metric_ = GetParam().metric;
    const CodeShape shape_ = code_shape(GetParam().padded);
    std::mt19937 random_{5};
};

/// The table of standard deviations that extended RaBitQ has, over sqrt(padded - 1) and with |r|
/// |v| taken out: 0.753 for one bit, 0.0575 for five. A code over a part of the coordinates adds
/// the spread of what it does not see: padded / scan_dimensions - 1 in variance. Rounding the
/// look-up table counts 16 times in fine estimates.
TEST_P(RabitqTest, EstimatesAsExactlyAsPromised)
{
    const std::size_t n = shape_.padded;
    const double spread = double(n) / shape_.scan_dimensions;
    const double expected_scan = std::sqrt(0.753 * 0.753 * spread + (spread - 1));
    const double expected_fine = shape_.fine_uses_scan_code() ? 0.0575 : 0.106;
    Errors scan;
    Errors fine;
    Errors kappa;
    const int rows = n > 2000 ? 40 : 100;
    for (int list = 0; list < 20; list++) {
        const Vector centre = random_vector(n, 0.5f, random_);
        const Vector vector = random_vector(n, 1, random_);
        const Query query(shape_, vector);
        const double distance = std::sqrt(exact(CodeMetric::l2, vector, centre));
        const double g = exact(metric_, vector, centre);
        for (int i = 0; i < rows; i++) {
            Vector row = random_vector(n, 1, random_);
            for (std::size_t j = 0; j < n; j++)
                row[j] = centre[j] + 0.7f * row[j];
            const Encoded e = encoded(shape_, metric_, row, centre);
            const Estimates got = estimate(shape_, e, query, float(g));
            const double truth = exact(metric_, row, vector);
            const double unit = (metric_ == CodeMetric::l2 ? 2 : 1) * distance *
                                std::sqrt(exact(CodeMetric::l2, row, centre) / double(n - 1));
            scan.add((got.scan - truth) / unit);
            fine.add((got.fine - truth) / unit);
            kappa.add((got.scan - truth) /
                      (std::fabs(float_from_half(e.factors.scan_rescale)) * distance));
        }
    }
    EXPECT_NEAR(expected_scan, scan.deviation(), 0.08 * expected_scan);
    EXPECT_NEAR(expected_fine, fine.deviation(), 0.12 * expected_fine);
    EXPECT_NEAR(0, scan.mean(), 4.5 * expected_scan / std::sqrt(scan.count));
    EXPECT_NEAR(0, fine.mean(), 4.5 * expected_fine / std::sqrt(fine.count));
    EXPECT_NEAR(0.30 * expected_scan / 0.753 / spread, kappa.deviation(), 0.03);
}

/// What the fine code stands for, and how far that is from the residual's direction: root mean
/// square over the coordinates, in levels.
double
fine_error(const CodeShape &shape, const Encoded &e, const Vector &row, const Vector &centre)
{
    double along = 0;
    double square = 0;
    double residual = 0;
    for (std::size_t i = 0; i < shape.padded; i++) {
        const std::size_t half = shape.padded / 2;
        const int nibble = i < half ? e.fine[i] & 15 : e.fine[i - half] >> 4;
        const int bit = e.bits[i / 8 % e.bits.size()] >> i % 8 & 1;
        const double x = shape.fine_uses_scan_code() ? 16 * bit + nibble - 15.5 : nibble - 7.5;
        const double r = double(row[i]) - double(centre[i]);
        along += x * r;
        square += x * x;
        residual += r * r;
    }
    return std::sqrt((square - along * along / residual) / double(shape.padded));
}

/// A row with a few coordinates far from the others' size is not cut off there.
TEST_P(RabitqTest, FarCoordinatesCostNoMoreThanPromised)
{
    const std::size_t n = shape_.padded;
    const Vector centre(n, 0.5f);
    for (const float far : {1.0f, 3.0f, 4.0f, 6.0f, 12.0f})
        for (int spikes = 1; spikes <= 3; spikes++) {
            Vector row = random_vector(n, 1, random_);
            for (int i = 0; i < spikes; i++)
                row[random_() % n] = 0.5f + far;
            const Encoded e = encoded(shape_, metric_, row, centre);
            EXPECT_LT(fine_error(shape_, e, row, centre), double(kMostFineError)) << far;
        }
}

TEST_P(RabitqTest, RowsAtTheCentreAreExact)
{
    const Vector centre = random_vector(shape_.padded, 1, random_);
    const Vector vector = random_vector(shape_.padded, 1, random_);
    const auto g = float(exact(metric_, vector, centre));
    const Encoded e = encoded(shape_, metric_, centre, centre);
    const Estimates got = estimate(shape_, e, Query(shape_, vector), g);
    EXPECT_EQ(g, got.scan);
    EXPECT_EQ(g, got.fine);
}

/// A query at the centre: the products cancel up to what rounding the query leaves.
TEST_P(RabitqTest, QueriesAtTheCentreAreNearlyExact)
{
    const Vector centre = random_vector(shape_.padded, 1, random_);
    const Query query(shape_, centre);
    const Vector row = random_vector(shape_.padded, 1, random_);
    const auto g = float(exact(metric_, centre, centre));
    const Encoded e = encoded(shape_, metric_, row, centre);
    const Estimates got = estimate(shape_, e, query, g);
    const double truth = exact(metric_, row, centre);
    const double rescale = std::fabs(float_from_half(e.factors.scan_rescale));
    EXPECT_NEAR(truth, got.scan,
                5 * rescale * scan_rounding(query.scan) + 0.003 * std::fabs(truth) + 0.5);
}

TEST_P(RabitqTest, CodesComeBackFromAnySlot)
{
    Groups groups(shape_, 1);
    std::vector<std::vector<std::uint8_t>> codes;
    for (std::uint32_t slot = 0; slot < kGroupRows; slot++) {
        std::vector<std::uint8_t> bits(scan_code_bytes(shape_));
        for (auto &byte : bits)
            byte = std::uint8_t(random_());
        put_scan_code(shape_, groups.group(0), slot,
                      std::vector<std::uint8_t>(bits.size(), 0xff).data());
        put_scan_code(shape_, groups.group(0), slot, bits.data());
        codes.push_back(bits);
    }
    for (std::uint32_t slot = 0; slot < kGroupRows; slot++) {
        std::vector<std::uint8_t> bits(scan_code_bytes(shape_));
        get_scan_code(shape_, groups.group(0), slot, bits.data());
        EXPECT_EQ(codes[slot], bits) << slot;
        for (std::size_t quad = 0; quad < 2 * bits.size(); quad++) {
            const std::uint8_t byte = groups.group(0)[scan_code_byte(slot, quad)];
            const int half = byte & scan_code_mask(slot);
            EXPECT_EQ(bits[quad / 2] >> (quad % 2 * 4) & 15, slot < 16 ? half : half >> 4);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RabitqTest,
    ::testing::Values(Case{64, CodeMetric::l2}, Case{128, CodeMetric::l2},
                      Case{128, CodeMetric::inner_product}, Case{320, CodeMetric::l2},
                      Case{768, CodeMetric::inner_product}, Case{1920, CodeMetric::l2},
                      Case{1984, CodeMetric::l2}, Case{3072, CodeMetric::l2},
                      Case{3072, CodeMetric::inner_product}),
    [](const auto &instance) {
        return std::to_string(instance.param.padded) +
               (instance.param.metric == CodeMetric::l2 ? "_l2" : "_inner_product");
    });

// ---- what does not fit

struct Escape {
    const char *name;
    float row;
    float centre;
    bool fine_too;
};

class RabitqEscapeTest : public ::testing::TestWithParam<Escape>
{
};

/// Coordinates alternate, so that the factors do not cancel.
TEST_P(RabitqEscapeTest, IsAlwaysRefined)
{
    const CodeShape shape = code_shape(64);
    Vector row(64);
    Vector centre(64);
    for (std::size_t i = 0; i < 64; i++) {
        row[i] = i % 2 == 0 ? GetParam().row : GetParam().centre;
        centre[i] = GetParam().centre;
    }
    const Encoded e = encoded(shape, CodeMetric::l2, row, centre);
    EXPECT_EQ(0xfc00, e.factors.scan_add);
    EXPECT_EQ(0, e.factors.scan_rescale);
    EXPECT_EQ(GetParam().fine_too, e.factors.fine_add == -kInfinity);
    EXPECT_TRUE(std::isfinite(e.factors.fine_rescale));

    const Query query(shape, Vector(64, 1.0f));
    const Estimates got = estimate(shape, e, query, 5);
    EXPECT_EQ(-kInfinity, got.scan);
    EXPECT_EQ(GetParam().fine_too, got.fine == -kInfinity);
    EXPECT_FALSE(std::isnan(got.fine));
}

INSTANTIATE_TEST_SUITE_P(Rows, RabitqEscapeTest,
                         ::testing::Values(Escape{"far", 1e7f, 0, false},
                                           Escape{"near", 1e-6f, 0, false},
                                           Escape{"overflow", 1e30f, 0, true},
                                           Escape{"infinite", 3e38f, -3e38f, true}),
                         [](const auto &instance) { return std::string(instance.param.name); });

/// Where only `add` is too great, the greatest half stays a lower bound.
TEST(Rabitq, FarRowsArePruned)
{
    const CodeShape shape = code_shape(64);
    const Encoded e = encoded(shape, CodeMetric::l2, Vector(64, 1000.0f), Vector(64, 0.0f));
    EXPECT_EQ(0x7bff, e.factors.scan_add);
    EXPECT_EQ(-4000, float_from_half(e.factors.scan_rescale));
}

TEST(Rabitq, ScanAddIsRoundedDown)
{
    std::mt19937 random(3);
    const CodeShape shape = code_shape(128);
    for (int i = 0; i < 200; i++) {
        const Vector centre = random_vector(128, 1, random);
        const Vector row = random_vector(128, 1, random);
        const Encoded e = encoded(shape, CodeMetric::l2, row, centre);
        double square = 0;
        double xc = 0;
        for (std::size_t j = 0; j < 128; j++) {
            const double r = double(row[j]) - double(centre[j]);
            square += r * r;
            xc += (r > 0 ? 0.5 : -0.5) * double(centre[j]);
        }
        const double add = square - double(float_from_half(e.factors.scan_rescale)) * xc;
        const double stored = float_from_half(e.factors.scan_add);
        EXPECT_LE(stored, add + 1e-4);
        EXPECT_GE(stored, add - std::fabs(add) / 1024 - 1e-3);
    }
}

TEST(Rabitq, AZeroQueryIsExact)
{
    std::mt19937 random(3);
    const CodeShape shape = code_shape(64);
    const Query query(shape, Vector(64, 0.0f));
    EXPECT_EQ(0.0f, query.scan.scale);
    EXPECT_EQ(0.0f, query.fine.scale);
    const Vector row = random_vector(64, 1, random);
    const Encoded e = encoded(shape, CodeMetric::l2, row, Vector(64, 0.0f));
    const double truth = exact(CodeMetric::l2, row, Vector(64, 0.0f));
    const Estimates got = estimate(shape, e, query, 0);
    EXPECT_NEAR(truth, got.scan, truth / 1000);
    EXPECT_NEAR(truth, got.fine, truth * 1e-6);
}

} // namespace
