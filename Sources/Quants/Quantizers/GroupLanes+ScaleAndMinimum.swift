extension GroupLanes {
  /// The scales and minimums that leave the least weighted error when values are scale * q - minimum, q in 0 ... top and
  /// the minimum not negative; ggml's `make_qkx2_quants` and `make_qkx3_quants`.
  ///
  /// Tries `steps + 1` widths of the range, `from` on in steps of `step`; for the q that each gives, scale and minimum are
  /// those of weighted linear regression. A try that is better also moves the origin from which the next ones count.
  ///
  /// - Parameter absolute: whether errors count by magnitude or squared.
  @inline(__always)
  func searchScaleAndMinimum(
    top: Float, from: Float, step: Float, steps: Int, absolute: Bool, count: Int
  ) -> (scale: Lanes, minimum: Lanes) {
    let range = extent(count: count)
    let weightSum = weightSum(count: count)
    var valueSum = Lanes.zero
    for i in 0..<count { valueSum += weights[i] * values[i] }

    let high = range.high
    var offset = range.low.replacing(with: 0, where: range.low .> 0)
    let isFlat = high .== offset
    let flatMinimum = offset.negated
    var best = (inverse: top / (high - offset), origin: offset)
    var scale = 1 / best.inverse
    for i in 0..<count { quants[i] = (best.inverse * (values[i] - offset)).nearest(0, top) }
    var bestError = error(scale, offset, absolute: absolute, count: count)

    for trial in 0...steps {
      let inverse = (from + step * Float(trial) + top) / (high - offset)
      var (sumQ, sumQQ, sumXQ) = (Lanes.zero, Lanes.zero, Lanes.zero)
      for i in 0..<count {
        let quant = (inverse * (values[i] - offset)).nearest(0, top)
        quants[i] = quant
        let weighted = weights[i] * quant
        sumQ += weighted
        sumQQ += weighted * quant
        sumXQ += weighted * values[i]
      }
      let determinant = weightSum * sumQQ - sumQ * sumQ
      var newScale = (weightSum * sumXQ - valueSum * sumQ) / determinant
      var newOffset = (sumQQ * valueSum - sumQ * sumXQ) / determinant
      let isPositive = newOffset .> 0
      newScale = newScale.replacing(with: sumXQ / sumQQ, where: isPositive)
      newOffset = newOffset.replacing(with: 0, where: isPositive)
      let newError = error(newScale, newOffset, absolute: absolute, count: count)
      let isBetter = (determinant .> 0) .& (newError .< bestError)
      best.inverse = best.inverse.replacing(with: inverse, where: isBetter)
      best.origin = best.origin.replacing(with: offset, where: isBetter)
      bestError = bestError.replacing(with: newError, where: isBetter)
      scale = scale.replacing(with: newScale, where: isBetter)
      offset = offset.replacing(with: newOffset, where: isBetter)
    }
    for i in 0..<count {
      let quant = (best.inverse * (values[i] - best.origin)).nearest(0, top)
      quants[i] = quant.replacing(with: 0, where: isFlat)
    }
    return (
      scale.replacing(with: 0, where: isFlat), offset.negated.replacing(with: flatMinimum, where: isFlat)
    )
  }

  @inline(__always)
  private func extent(count: Int) -> (low: Lanes, high: Lanes) {
    var (low, high) = (values[0], values[0])
    for i in 1..<count {
      low = low.replacing(with: values[i], where: values[i] .< low)
      high = high.replacing(with: values[i], where: values[i] .> high)
    }
    return (low, high)
  }

  /// The weighted error of `quants` as approximations of `values`.
  @inline(__always)
  private func error(_ scale: Lanes, _ offset: Lanes, absolute: Bool, count: Int) -> Lanes {
    var error = Lanes.zero
    for i in 0..<count {
      let difference = scale * quants[i] + offset - values[i]
      error += weights[i] * (absolute ? difference.magnitude : difference * difference)
    }
    return error
  }
}
