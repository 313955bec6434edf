"""What the running gateway answers, put together and in words, for whichever way it was asked."""
