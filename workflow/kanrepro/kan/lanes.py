"""Thirty-two float32 in one value, for loops that numba compiles: two vector registers of AVX-512.

numba vectorises loops by itself, but keeps no array in registers from one turn of a loop to the next: accumulators that
never leave the registers, without which a loop over weights waits for the cache, need a type of their own. LLVM splits
it into the registers that a processor has. The alternative weighed was C++ compiled at set-up, which would ask every
machine for a compiler; numba is a dependency already, compiles in seconds and keeps what it compiled. It was not timed.

Offsets count elements of a flat array and are not checked.
"""

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.extending import models, register_model

intrinsic: Any = extending.intrinsic  # what it makes is called without the first argument, which type checkers miss
WIDTH, HALF = 32, 16
FLOAT, INDEX = ir.FloatType(), ir.IntType(32)
VECTOR, HALF_VECTOR = ir.VectorType(FLOAT, WIDTH), ir.VectorType(FLOAT, HALF)


class LanesType(types.Type):
    """The type that numba's inference sees."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{WIDTH}")


LANES = LanesType()


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):
    """It is what LLVM calls a vector."""

    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, VECTOR)


@intrinsic
def item(typing: Any, array: Any, offset: Any) -> Any:
    """array[offset]."""

    def make(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], *values))

    return array.dtype(array, offset), make


@intrinsic
def load(typing: Any, array: Any, offset: Any) -> Any:
    """array[offset : offset + 32]."""

    def make(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], *values, kind=VECTOR), align=4)

    return LANES(array, offset), make


@intrinsic
def store(typing: Any, array: Any, offset: Any, lanes: Any) -> Any:
    """array[offset : offset + 32] = lanes."""

    def make(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        array, offset, lanes = values
        builder.store(lanes, _address(context, builder, signature.args[0], array, offset, kind=VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(array, offset, lanes), make


@intrinsic
def spread(typing: Any, value: Any) -> Any:
    """A float32 in all lanes."""

    def make(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), values[0], INDEX(0))
        return builder.shuffle_vector(one, one, _indices([0] * WIDTH))

    return LANES(types.float32), make


@intrinsic
def add(typing: Any, a: Any, b: Any) -> Any:
    """a + b."""
    return LANES(a, b), lambda context, builder, signature, values: builder.fadd(*values)


@intrinsic
def subtract(typing: Any, a: Any, b: Any) -> Any:
    """a - b."""
    return LANES(a, b), lambda context, builder, signature, values: builder.fsub(*values)


@intrinsic
def multiply(typing: Any, a: Any, b: Any) -> Any:
    """a * b."""
    return LANES(a, b), lambda context, builder, signature, values: builder.fmul(*values)


@intrinsic
def fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once where the processor can."""
    return LANES(a, b, c), lambda context, builder, signature, values: _fused(builder, VECTOR, *values)


@intrinsic
def dot_into(typing: Any, array: Any, offset: Any, a: Any, b: Any) -> Any:
    """Add a . b to the sum of array[offset : offset + 16], without summing that."""

    def make(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        array, offset, a, b = values
        place = _address(context, builder, signature.args[0], array, offset, kind=HALF_VECTOR)
        sums = builder.load(place, align=4)
        for start in (0, HALF):
            part = _indices(range(start, start + HALF))
            sums = _fused(builder, HALF_VECTOR, *(builder.shuffle_vector(each, each, part) for each in (a, b)), sums)
        builder.store(sums, place, align=4)
        return context.get_dummy_value()

    return types.void(array, offset, a, b), make


@intrinsic
def sums_into(typing: Any, out: Any, place: Any, array: Any, offset: Any) -> Any:
    """out[place + j] = sum(array[offset + 16 j : offset + 16 j + 16]) for j = 0 .. 15.

    Two vectors of 16 become one of 2 x 8 sums, two of these one of 4 x 4, and so on: 45 operations for 16 sums.
    """

    def make(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        out, place, array, offset = values
        first = _address(context, builder, signature.args[2], array, offset, kind=HALF_VECTOR)
        vectors = [builder.load(builder.gep(first, [INDEX(j)]), align=4) for j in range(HALF)]
        for half in (8, 4, 2, 1):
            vectors = [_halved(builder, vectors[j], vectors[j + half], half) for j in range(half)]
        target = _address(context, builder, signature.args[0], out, place, kind=HALF_VECTOR)
        builder.store(vectors[0], target, align=4)
        return context.get_dummy_value()

    return types.void(out, place, array, offset), make


def _address(context: Any, builder: ir.IRBuilder, array: Any, value: Any, offset: Any, kind: Any = None) -> Any:
    """Of an element of a flat array; as that of a `kind` that begins there."""
    place = builder.gep(context.make_array(array)(context, builder, value).data, [offset])
    return place if kind is None else builder.bitcast(place, kind.as_pointer())


def _fused(builder: ir.IRBuilder, kind: ir.VectorType, *operands: Any) -> Any:
    signature = ir.FunctionType(kind, [kind] * 3)
    return builder.call(
        cgutils.get_or_insert_function(builder.module, signature, f"llvm.fmuladd.v{kind.count}f32"), operands
    )


def _halved(builder: ir.IRBuilder, a: Any, b: Any, half: int) -> Any:
    """Of a and b in segments of 2 `half` lanes, the segments' halves added: a's first, b's first, a's second, ..."""
    lanes = [HALF * (m % 2) + m // 2 * 2 * half + lane for m in range(HALF // half) for lane in range(half)]
    first, second = (builder.shuffle_vector(a, b, _indices(lane + shift for lane in lanes)) for shift in (0, half))
    return builder.fadd(first, second)


def _indices(lanes: Any) -> ir.Constant:
    numbers = list(lanes)
    return ir.Constant(ir.VectorType(INDEX, len(numbers)), numbers)
