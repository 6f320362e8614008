// SPDX-License-Identifier: PostgreSQL
//
// Dense vectors as PostgreSQL stores them, and what every function over them needs: arguments,
// results, and the checks with their error texts.
//
// The datum (type "vector": Element = float; little or big endian as the machine):
//
//   0        4      6        8
//   +--------+------+--------+----+----+-----+----+
//   | varlena| dim  | unused | x0 | x1 | ... |    |
//   +--------+------+--------+----+----+-----+----+
//
//   offset  size              field
//        0     4              varlena header; a stored value may have the 1-byte form instead,
//                             which detoasting turns back into this one
//        4     2              dim, 1 to 16000
//        6     2              unused, always zero
//        8     dim * element  the elements, none of them NaN or infinite
//
// This is pgvector's datum, so tables written by pgvector are read as they are and vice versa.
// There is no version field; `unused` is the room for one.
//
// All of extension/types is plain code (rule B3): no frame holds an object with a destructor, so
// raw PostgreSQL calls may raise anywhere. What depends on the element type is in ElementTraits;
// the code over DenseVector<Element> is written once.
#pragma once

#ifndef POSTGRES_H
#error "include pg/postgres.hpp first"
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace vx
{

/// More would not fit the 2-byte dimension of the wire format; pgvector's limit.
constexpr int kMaxDimensions = 16000;

template <class Element> struct DenseVector {
    int32_t vl_len_; ///< varlena header; see SET_VARSIZE
    int16_t dim;
    int16_t unused;
    Element x[FLEXIBLE_ARRAY_MEMBER];

    static constexpr std::size_t size_for(int dim) noexcept
    {
        return offsetof(DenseVector, x) + sizeof(Element) * static_cast<std::size_t>(dim);
    }
};

using Vector = DenseVector<float>;

static_assert(sizeof(Vector) == 8);
static_assert(offsetof(Vector, dim) == 4);
static_assert(offsetof(Vector, unused) == 6);
static_assert(offsetof(Vector, x) == 8);
static_assert(std::is_trivially_copyable_v<Vector>);
static_assert(kMaxDimensions <= INT16_MAX);

/// What the shared code has to know of an element type.
template <class Element> struct ElementTraits;

template <> struct ElementTraits<float> {
    static constexpr const char *type_name = "vector";

    static constexpr float from_float(float value) noexcept { return value; }

    static constexpr float to_float(float value) noexcept { return value; }
};

/// The cosine of the angle between two vectors, rounded into [-1, 1]; NaN if one of them is zero.
double cosine(const float *a, const float *b, std::size_t dim) noexcept;

// The checks below raise; the texts and SQLSTATEs are pgvector's.

/// 22000 "different vector dimensions 3 and 2".
void check_same_dimensions(const char *type_name, int a, int b);
/// 22000 "expected 3 dimensions, not 2", unless the type modifier says nothing (-1).
void check_expected_dimensions(int32 typmod, int dim);
/// 22000 "vector must have at least 1 dimension", 54000 "vector cannot have more than …".
void check_dimensions(const char *type_name, int64 dim);
/// 22000 "NaN not allowed in vector", "infinite value not allowed in vector".
void check_finite(const char *type_name, const float *x, int dim);
/// Raises check_finite's error for a value known to be not finite.
[[noreturn]] void raise_not_finite(const char *type_name, float value);
[[noreturn]] void raise_no_dimensions(const char *type_name);
[[noreturn]] void raise_too_many_dimensions(const char *type_name);
/// XX001: the datum's length and its dimensions contradict each other.
[[noreturn]] void raise_corrupted(const char *type_name);

/// A new vector in CurrentMemoryContext with room for `dim` elements, which the caller must fill.
template <class Element>
DenseVector<Element> *
make_vector(int dim)
{
    const std::size_t size = DenseVector<Element>::size_for(dim);
    auto *result = static_cast<DenseVector<Element> *>(palloc(size));
    SET_VARSIZE(result, size);
    result->dim = static_cast<int16_t>(dim);
    result->unused = 0;
    return result;
}

/// The vector in a datum, detoasted; what it says of its length is verified, so that the elements
/// may be read without further checks.
template <class Element>
const DenseVector<Element> *
vector_from_datum(Datum datum)
{
    const auto *v = reinterpret_cast<const DenseVector<Element> *>(PG_DETOAST_DATUM(datum));
    const std::size_t size = VARSIZE(v);
    if (unlikely(size < offsetof(DenseVector<Element>, x) || v->dim < 1 ||
                 v->dim > kMaxDimensions || size != DenseVector<Element>::size_for(v->dim)))
        raise_corrupted(ElementTraits<Element>::type_name);
    return v;
}

/// Argument `n` of an SQL function.
template <class Element>
const DenseVector<Element> *
vector_argument(FunctionCallInfo fcinfo, int n)
{
    return vector_from_datum<Element>(PG_GETARG_DATUM(n));
}

/// Two arguments that must have the same dimensions.
template <class Element> struct VectorPair {
    const DenseVector<Element> *a;
    const DenseVector<Element> *b;
    int dim;
};

template <class Element>
VectorPair<Element>
same_dimension_arguments(FunctionCallInfo fcinfo)
{
    const auto *a = vector_argument<Element>(fcinfo, 0);
    const auto *b = vector_argument<Element>(fcinfo, 1);
    if (unlikely(a->dim != b->dim))
        check_same_dimensions(ElementTraits<Element>::type_name, a->dim, b->dim);
    return {a, b, a->dim};
}

/// Gives back what detoasting argument `n` allocated, if it did. For functions that are called many
/// times in one memory context: comparisons while sorting.
template <class Element>
void
free_if_detoasted(FunctionCallInfo fcinfo, int n, const DenseVector<Element> *v)
{
    if (reinterpret_cast<const char *>(v) != DatumGetPointer(PG_GETARG_DATUM(n)))
        pfree(const_cast<DenseVector<Element> *>(v));
}

} // namespace vx
