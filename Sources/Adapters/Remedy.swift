/// What can be done about adapters that are refused.
enum Remedy {
  static let saveAgain = "Save the adapter again, or fetch all of its files again."
  static let configMismatch =
    "Use the adapter_config.json that was saved with these tensors, or save the adapter again."

  static let mergeByPEFT = "Merge the adapter into its base with peft (merge_and_unload)."

  /// For what Kinglet does not apply, and what made the adapter does.
  static func merge(orTrainWithout part: String) -> String {
    "Merge the adapter into its base with what trained it (merge_and_unload in peft), or train without \(part)."
  }
}
